/** Keys of access tokens, and tokens of any shape that are signed with them. */
import { generateKeyPairSync, sign } from "node:crypto";
import { openTokenKey } from "../../src/resources/tokenKeys.ts";

/** A new private key, as `JWT_KEYS` takes it. */
export function makeKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
}

/** What a token says. */
export interface TokenParts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

export function partsOf(token: string): TokenParts {
  const [header = "", payload = ""] = token.split(".");
  const decode = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
  return { header: decode(header), payload: decode(payload) };
}

/** The part of a token that is signed. */
export function unsigned({ header, payload }: TokenParts): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  return `${encode(header)}.${encode(payload)}`;
}

/** A token of exactly these parts, with a good signature of ES256. */
export function signedWith(key: string, parts: TokenParts): string {
  const text = unsigned(parts);
  const options = { key: openTokenKey(key).privateKey, dsaEncoding: "ieee-p1363" } as const;
  return `${text}.${sign("sha256", Buffer.from(text), options).toString("base64url")}`;
}
