/**
 * What the operations that sign somebody in share: a session begins in the database, and its tokens
 * are made here.
 */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { createRandomToken } from "../resources/tokens.ts";
import { textIn } from "../values.ts";
import type { RestAnswer, RestRequest } from "./handler.ts";
import { keepRefreshToken } from "./refreshCookie.ts";

/** The answer that the OpenAPI document calls Session. */
export interface Session {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: string;
  /** Empty where a cookie has it. */
  readonly refreshToken: string;
  readonly userId: string;
}

/** Where a client keeps its refresh token. */
type RefreshIn = "body" | "cookie";

interface SessionAnswer extends Pick<RestAnswer, "headers"> {
  readonly body: Session;
}

interface SessionRow {
  readonly session_id: string;
  readonly is_operator: boolean;
}

/**
 * Signs a person in whose identity has been proven by a request, which says `refreshIn`.
 * @param passwordHash that of the password which they have shown, if they have
 * @throws ACCOUNT_SUSPENDED; PASSWORD_CHANGED where the password was changed meanwhile
 */
export async function startSession(
  resources: Resources,
  userId: string,
  request: Pick<RestRequest, "body" | "header" | "network">,
  passwordHash?: string,
): Promise<SessionAnswer> {
  const { token, hash } = createRandomToken();
  const { rows } = await resources.pool.query<SessionRow>(
    "select session_id, is_operator from app_private.start_session($1, $2, $3, $4, $5, $6)",
    [
      userId,
      hash,
      request.header("user-agent") ?? "",
      `${resources.config.tokens.refreshDays} days`,
      request.network,
      passwordHash ?? null,
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new ApiError("INTERNAL");
  const refreshIn = textIn(request.body, "refreshIn") === "cookie" ? "cookie" : "body";
  return sessionAnswer(resources, { ...row, userId, refreshToken: token }, refreshIn);
}

/** The tokens of a session that lives. */
export function sessionAnswer(
  resources: Resources,
  session: SessionRow & { readonly userId: string; readonly refreshToken: string },
  refreshIn: RefreshIn,
): SessionAnswer {
  const { token, expiresAt } = resources.tokens.signAccessToken({
    userId: session.userId,
    sessionId: session.session_id,
    role: session.is_operator ? "operator" : "visitor",
  });
  const body = {
    accessToken: token,
    accessTokenExpiresAt: expiresAt.toISOString(),
    refreshToken: session.refreshToken,
    userId: session.userId,
  };
  if (refreshIn === "body") return { body };
  const headers = keepRefreshToken(resources, session.refreshToken);
  return { body: { ...body, refreshToken: "" }, headers };
}
