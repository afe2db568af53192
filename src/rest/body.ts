/**
 * Reads members of a body that the OpenAPI document has already checked: the document is the check,
 * this only gives the types.
 */
import { domainToASCII } from "node:url";
import { ApiError } from "../errors.ts";
import { memberOf } from "../values.ts";

/** What nobody sees, and what is a letter in another dress: mail goes to the plain address. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Z}]/u;

/**
 * The e-mail address of a checked body in the one spelling that we store, compare and count, for
 * one mailbox is one address: without blanks around it, in lower case, the domain in ASCII as mail
 * servers look it up (`domainToASCII` of the URL standard).
 * @throws {ApiError} INVALID_INPUT
 */
export function emailAddress(body: unknown): string {
  const address = spelledAddress(text(body, "email"));
  if (address !== undefined) return address;
  const message = "This e-mail address has characters that no address has. Type it again.";
  throw new ApiError("INVALID_INPUT", message, { fields: ["email"] });
}

/** An e-mail address in that spelling; undefined where it has characters that no address has. */
export function spelledAddress(address: string): string | undefined {
  const typed = address.trim();
  const at = typed.lastIndexOf("@");
  const local = typed.slice(0, at).toLowerCase();
  const domain = domainToASCII(typed.slice(at + 1).normalize("NFC"));
  const isPlain = at > 0 && !INVISIBLE.test(typed) && local.normalize("NFKC") === local;
  return isPlain && domain !== "" ? `${local}@${domain}` : undefined;
}

/** A text member of a checked body. */
export function text(body: unknown, name: string): string {
  const value = memberOf(body, name);
  if (typeof value === "string") return value;
  throw new ApiError("INVALID_INPUT", `${name} is missing.`, { fields: [name] });
}
