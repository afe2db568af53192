/**
 * What the operations that sign somebody in share: a session begins in the database, and its tokens
 * are made here. Rate limits of sign-in are kept here too, so that all doors have the same.
 */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import type { RateLimit } from "../resources/rateLimiter.ts";
import { createRefreshToken } from "../resources/tokens.ts";

/** The answer that the OpenAPI document calls Session. */
export interface Session {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: string;
  readonly refreshToken: string;
  readonly userId: string;
}

interface SessionRow {
  readonly session_id: string;
  readonly is_operator: boolean;
}

/** Signs a person in whose identity has been proven. */
export async function startSession(
  resources: Resources,
  userId: string,
  userAgent: string | undefined,
): Promise<Session> {
  const { token, hash } = createRefreshToken();
  const { rows } = await resources.pool.query<SessionRow>(
    "select session_id, is_operator from app_private.start_session($1, $2, $3, $4)",
    [userId, hash, userAgent ?? "", `${resources.config.tokens.refreshDays} days`],
  );
  const [row] = rows;
  if (row === undefined) throw new ApiError("INTERNAL");
  return sessionAnswer(resources, { ...row, userId, refreshToken: token });
}

/** The tokens of a session that lives. */
export function sessionAnswer(
  resources: Resources,
  session: SessionRow & { readonly userId: string; readonly refreshToken: string },
): Session {
  const { token, expiresAt } = resources.tokens.signAccessToken({
    userId: session.userId,
    sessionId: session.session_id,
    role: session.is_operator ? "operator" : "visitor",
  });
  return {
    accessToken: token,
    accessTokenExpiresAt: expiresAt.toISOString(),
    refreshToken: session.refreshToken,
    userId: session.userId,
  };
}

/** Ten tries in ten minutes against one account from anywhere, a hundred from one address. */
const LIMITS = {
  account: { name: "sign-in-account", points: 10, seconds: 600 },
  address: { name: "sign-in-address", points: 100, seconds: 600 },
  refresh: { name: "refresh-address", points: 300, seconds: 600 },
  payment: { name: "payment-user", points: 60, seconds: 600 },
} as const satisfies Record<string, RateLimit>;

/**
 * Counts a try.
 * @throws {ApiError} RATE_LIMITED, with the seconds to wait as details
 */
export async function limitTries(
  resources: Resources,
  limit: keyof typeof LIMITS,
  key: string,
): Promise<void> {
  const outcome = await resources.rateLimiter(LIMITS[limit]).consume(key);
  if (outcome.allowed) return;
  throw new ApiError("RATE_LIMITED", `Too many tries. Wait ${outcome.resetSeconds} seconds.`, {
    details: { retryAfterSeconds: outcome.resetSeconds },
  });
}
