/**
 * Reads members of a body that the OpenAPI document has already checked: the document is the check,
 * this only gives the types.
 */

import { ApiError } from "../errors.ts";
import { memberOf } from "../values.ts";

/**
 * The e-mail address of a checked body in the one spelling that we store, compare and count:
 * without blanks around it, in lower case.
 */
export function emailAddress(body: unknown): string {
  return text(body, "email").trim().toLowerCase();
}

/** A text member of a checked body. */
export function text(body: unknown, name: string): string {
  const value = memberOf(body, name);
  if (typeof value === "string") return value;
  throw new ApiError("INVALID_INPUT", `${name} is missing.`, { fields: [name] });
}
