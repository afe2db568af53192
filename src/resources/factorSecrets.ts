/**
 * Seals what a person's authenticator app and the server share, so that the database alone shows
 * it to nobody: AES-256-GCM, bound to the person. The first key seals; each opens what it sealed.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { Config } from "../config/index.ts";

export interface FactorSecrets {
  /** Key id (4 bytes), nonce (12), tag (16), and the secret encrypted. */
  seal(userId: string, secret: Uint8Array): Buffer;
  /** @throws {Error} where no key of ours sealed it for this person */
  open(userId: string, sealed: Buffer): Uint8Array;
}

const CIPHER = "aes-256-gcm";

export function createFactorSecrets({ factorKeys }: Pick<Config, "factorKeys">): FactorSecrets {
  const keys = factorKeys.map((text) => {
    const key = Buffer.from(text, "base64");
    return { key, id: createHash("sha256").update(key).digest().subarray(0, 4) };
  });
  const [first] = keys;
  if (first === undefined) throw new Error("There is no key to seal second factors with.");
  return {
    seal: (userId, secret) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv(CIPHER, first.key, nonce).setAAD(Buffer.from(userId));
      const encrypted = Buffer.concat([cipher.update(secret), cipher.final()]);
      return Buffer.concat([first.id, nonce, cipher.getAuthTag(), encrypted]);
    },
    open: (userId, sealed) => {
      const found = keys.find(({ id }) => id.equals(sealed.subarray(0, 4)));
      if (found === undefined) {
        throw new Error("A second factor was sealed by a key that FACTOR_KEYS does not have.");
      }
      const decipher = createDecipheriv(CIPHER, found.key, sealed.subarray(4, 16))
        .setAAD(Buffer.from(userId))
        .setAuthTag(sealed.subarray(16, 32));
      return Buffer.concat([decipher.update(sealed.subarray(32)), decipher.final()]);
    },
  };
}
