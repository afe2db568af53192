/**
 * The keys behind our tokens: pairs on the curve P-256, what others may know of them, and secrets
 * that are derived from them. What is signed with them is the matter of tokens.ts.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
} from "node:crypto";

/** A public key as others read it (RFC 7517). */
export interface PublicJwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
  readonly use: "sig";
  readonly alg: "ES256";
  readonly kid: string;
}

export interface TokenKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: PublicJwk;
}

/**
 * @param text a private key as base64 of PKCS #8, which the configuration has made sure of
 */
export function openTokenKey(text: string): TokenKey {
  const der = Buffer.from(text, "base64");
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const point = { crv: "P-256", kty: "EC", x, y } as const;
  // The thumbprint of RFC 7638: exactly these members, in this order.
  const kid = createHash("sha256").update(JSON.stringify(point)).digest("base64url");
  return { privateKey, publicKey, jwk: { ...point, use: "sig", alg: "ES256", kid } };
}

/** 32 bytes that only who has the private key can make; each purpose has its own (RFC 5869). */
export function deriveSecret({ privateKey }: TokenKey, purpose: string): Uint8Array {
  const { d = "" } = privateKey.export({ format: "jwk" });
  return new Uint8Array(hkdfSync("sha256", Buffer.from(d, "base64url"), "", purpose, 32));
}
