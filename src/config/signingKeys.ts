/**
 * Reads the private keys with which access tokens are signed. A key is taken as PEM, or as the
 * base64 of DER, which fits into one line; it comes out as the base64 of PKCS #8, so that two
 * spellings of one key are equal. What the keys are used for, src/resources/tokens.ts knows.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { Refusal } from "./parsers.ts";

/** Prints a key. */
export const MAKE_SIGNING_KEY =
  "openssl ecparam -genkey -noout -name prime256v1 -outform DER | openssl base64 -A";

/** While one key is replaced by another there are two. */
const MOST_KEYS = 2;

/** A block of PEM, or anything else without blanks. */
const ONE_KEY = /-----BEGIN [^-]+-----[^-]+-----END [^-]+-----|[^\s,]+/g;

/** One or two keys: the first one signs, and what either has signed is good. */
export function signingKeys(text: string): readonly string[] {
  const keys = (text.match(ONE_KEY) ?? [""]).map(signingKey);
  if (keys.length > MOST_KEYS) {
    throw new Refusal("holds more than two keys: the one that signs, and one that is replaced.");
  }
  if (new Set(keys).size < keys.length) throw new Refusal("holds the same key twice.");
  return keys;
}

function signingKey(text: string): string {
  const key = open(text, createPrivateKey, ["pkcs8", "sec1"]);
  if (key === undefined) {
    const isPublic = open(text, createPublicKey, ["spki"]) !== undefined;
    const what = isPublic ? "holds a public key" : "holds something that is no private key";
    throw new Refusal(`${what}; try: ${MAKE_SIGNING_KEY}.`);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new Refusal(`holds a key that is not of the curve P-256; try: ${MAKE_SIGNING_KEY}.`);
  }
  return key.export({ format: "der", type: "pkcs8" }).toString("base64");
}

/** `undefined` where the text is no such key; what is thrown then might quote it. */
function open<Type>(
  text: string,
  create: (input: string | { key: Buffer; format: "der"; type: Type }) => KeyObject,
  types: readonly Type[],
): KeyObject | undefined {
  const key = Buffer.from(text, "base64");
  const der = types.map((type) => ({ key, format: "der" as const, type }));
  for (const input of text.startsWith("-") ? [text] : der) {
    try {
      return create(input);
    } catch {}
  }
  return undefined;
}
