/**
 * Makes and reads access tokens (JWT, signed with ES256 alone) and makes refresh tokens (random,
 * stored as a hash). Whether the session behind a token still lives is asked of the revocations
 * and the database.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import jwt from "jsonwebtoken";
import type { Config } from "../config/index.ts";
import { textIn } from "../values.ts";
import { deriveSecret, openTokenKey, type PublicJwk } from "./tokenKeys.ts";

const ISSUER = "staybase";
const AUDIENCE = "staybase-api";
const ALGORITHM = "ES256";
/** Tells access tokens from whatever else is signed (RFC 9068, RFC 8725). */
const TYPE = "at+jwt";
const MOST_CHARACTERS = 2048;
/**
 * No token of ours lives longer than 15 minutes, give or take clocks: what revokes one is forgotten
 * then.
 */
const MOST_SECONDS = 16 * 60;

export type TokenRole = "visitor" | "operator";

export interface AccessClaims {
  /** UUID of the user. */
  readonly userId: string;
  /** UUID of the session. */
  readonly sessionId: string;
  /** What the token may act as; the name of the database role is configuration. */
  readonly role: TokenRole;
  /** UUID of the operator who acts as the user: `act` of RFC 8693. Such a token only reads. */
  readonly impersonatorId?: string;
}

export type AccessTokenResult =
  | { readonly ok: true; readonly claims: AccessClaims; readonly expiresAt: Date }
  | { readonly ok: false; readonly reason: "expired" | "invalid" };

/** A token for somebody to keep, and its hash to store. */
export interface OpaqueToken {
  readonly token: string;
  readonly hash: Buffer;
}

export interface Tokens {
  signAccessToken(claims: AccessClaims): { readonly token: string; readonly expiresAt: Date };
  /** Never throws: a token that is not entirely ours is `invalid`, one past its end `expired`. */
  verifyAccessToken(token: string): AccessTokenResult;
  /** The life of an access token in seconds. */
  readonly accessSeconds: number;
  /** What others verify access tokens with; the first key signs. */
  readonly publicKeys: readonly PublicJwk[];
  /**
   * The one refresh token that follows another, the same in every process, so that who asks twice
   * is told the same. Nobody can make it of the token alone.
   */
  successorOf(token: string): OpaqueToken;
  /** 32 bytes that only this server can make, the same until another key signs. */
  secretFor(purpose: string): Uint8Array;
}

export function createTokens(config: Pick<Config, "tokens">): Tokens {
  const accessSeconds = config.tokens.accessMinutes * 60;
  const keys = config.tokens.keys.map(openTokenKey);
  const [signing] = keys;
  if (signing === undefined) throw new Error("There is no key to sign access tokens with.");
  const byId = new Map(keys.map(({ jwk, publicKey }) => [jwk.kid, publicKey]));
  const header = { alg: ALGORITHM, typ: TYPE, kid: signing.jwk.kid } as const;
  const secretFor = (purpose: string): Uint8Array => deriveSecret(signing, purpose);
  const successors = secretFor("staybase successor of a refresh token");
  return {
    accessSeconds,
    publicKeys: keys.map(({ jwk }) => jwk),
    secretFor,
    signAccessToken: ({ userId, sessionId, role, impersonatorId }) => {
      const exp = Math.floor(Date.now() / 1000) + accessSeconds;
      const act = impersonatorId === undefined ? {} : { act: { sub: impersonatorId } };
      const token = jwt.sign({ sid: sessionId, role, exp, ...act }, signing.privateKey, {
        algorithm: ALGORITHM,
        header,
        issuer: ISSUER,
        audience: AUDIENCE,
        subject: userId,
      });
      return { token, expiresAt: new Date(exp * 1000) };
    },
    verifyAccessToken: (token) => {
      if (token.length > MOST_CHARACTERS) return { ok: false, reason: "invalid" };
      try {
        const key = byId.get(keyIdOf(token) ?? "");
        if (key === undefined) return { ok: false, reason: "invalid" };
        return readClaims(jwt.verify(token, key, { algorithms: [ALGORITHM], issuer: ISSUER }));
      } catch (error) {
        const expired = error instanceof jwt.TokenExpiredError;
        return { ok: false, reason: expired ? "expired" : "invalid" };
      }
    },
    successorOf: (token) => {
      const successor = createHmac("sha256", successors).update(token).digest("base64url");
      return { token: successor, hash: hashToken(successor) };
    },
  };
}

/**
 * Which key a token says it was signed with. Its header must be the one that we write and no more:
 * a key that a token brings along, or names by an address, is never looked at.
 */
function keyIdOf(token: string): string | undefined {
  const header = jwt.decode(token, { complete: true })?.header;
  if (header?.alg !== ALGORITHM || header.typ !== TYPE) return undefined;
  return Object.keys(header).length === 3 ? header.kid : undefined;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function readClaims(payload: jwt.JwtPayload | string): AccessTokenResult {
  if (typeof payload === "string") return { ok: false, reason: "invalid" };
  const { sub, exp, aud } = payload;
  const sid: unknown = payload.sid;
  const role: unknown = payload.role;
  const actor: unknown = payload.act;
  const impersonatorId = textIn(actor, "sub");
  const whole =
    typeof sub === "string" &&
    typeof sid === "string" &&
    typeof exp === "number" &&
    exp <= Date.now() / 1000 + MOST_SECONDS &&
    // The package takes a list that has ours among others.
    aud === AUDIENCE &&
    UUID.test(sub) &&
    UUID.test(sid) &&
    (role === "visitor" || role === "operator") &&
    (actor === undefined ||
      (impersonatorId !== undefined && UUID.test(impersonatorId) && role === "visitor"));
  if (!whole) return { ok: false, reason: "invalid" };
  const claims: AccessClaims = {
    userId: sub,
    sessionId: sid,
    role,
    ...(impersonatorId !== undefined && { impersonatorId }),
  };
  return { ok: true, claims, expiresAt: new Date(exp * 1000) };
}

/** A random token of 256 bits. */
export function createRandomToken(): OpaqueToken {
  const token = randomBytes(32).toString("base64url");
  return { token, hash: hashToken(token) };
}

/** SHA-256 as 32 bytes; the token is random, so a slow hash would add nothing. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
