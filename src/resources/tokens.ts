/**
 * Makes and reads access tokens (JWT, HS256 alone) and makes refresh tokens (random, stored as a
 * hash). Whether the session behind a token still lives is asked of the revocations and the
 * database.
 */
import { createHash, randomBytes } from "node:crypto";
import jwt from "jsonwebtoken";
import type { Config } from "../config/index.ts";

const ISSUER = "staybase";
const AUDIENCE = "staybase-api";
const MOST_CHARACTERS = 2048;

export type TokenRole = "visitor" | "operator";

export interface AccessClaims {
  /** UUID of the user. */
  readonly userId: string;
  /** UUID of the session. */
  readonly sessionId: string;
  /** What the token may act as; the name of the database role is configuration. */
  readonly role: TokenRole;
}

export type AccessTokenResult =
  | { readonly ok: true; readonly claims: AccessClaims; readonly expiresAt: Date }
  | { readonly ok: false; readonly reason: "expired" | "invalid" };

export interface Tokens {
  signAccessToken(claims: AccessClaims): { readonly token: string; readonly expiresAt: Date };
  /** Never throws: a token that is not entirely ours is `invalid`, one past its end `expired`. */
  verifyAccessToken(token: string): AccessTokenResult;
  /** The life of an access token in seconds. */
  readonly accessSeconds: number;
}

export function createTokens(config: Pick<Config, "tokens">): Tokens {
  const { secret, accessMinutes } = config.tokens;
  const accessSeconds = accessMinutes * 60;
  return {
    accessSeconds,
    signAccessToken: ({ userId, sessionId, role }) => {
      const exp = Math.floor(Date.now() / 1000) + accessSeconds;
      const token = jwt.sign({ sid: sessionId, role, exp }, secret, {
        algorithm: "HS256",
        issuer: ISSUER,
        audience: AUDIENCE,
        subject: userId,
      });
      return { token, expiresAt: new Date(exp * 1000) };
    },
    verifyAccessToken: (token) => {
      if (token.length > MOST_CHARACTERS) return { ok: false, reason: "invalid" };
      try {
        const options = { algorithms: ["HS256" as const], issuer: ISSUER, audience: AUDIENCE };
        return readClaims(jwt.verify(token, secret, options));
      } catch (error) {
        const expired = error instanceof jwt.TokenExpiredError;
        return { ok: false, reason: expired ? "expired" : "invalid" };
      }
    },
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function readClaims(payload: jwt.JwtPayload | string): AccessTokenResult {
  if (typeof payload === "string") return { ok: false, reason: "invalid" };
  const { sub, exp } = payload;
  const sid: unknown = payload.sid;
  const role: unknown = payload.role;
  const whole =
    typeof sub === "string" &&
    typeof sid === "string" &&
    typeof exp === "number" &&
    UUID.test(sub) &&
    UUID.test(sid) &&
    (role === "visitor" || role === "operator");
  if (!whole) return { ok: false, reason: "invalid" };
  const claims: AccessClaims = { userId: sub, sessionId: sid, role };
  return { ok: true, claims, expiresAt: new Date(exp * 1000) };
}

/** A random token of 256 bits for somebody to keep, and its hash to store. */
export function createRandomToken(): { readonly token: string; readonly hash: Buffer } {
  const token = randomBytes(32).toString("base64url");
  return { token, hash: hashToken(token) };
}

/** SHA-256 as 32 bytes; the token is random, so a slow hash would add nothing. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
