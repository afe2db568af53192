/**
 * POST /v1/auth/refresh: exchanges a refresh token, of the body or else of the cookie, for its one
 * successor, which goes where the old one was; the database does it as one atomic swap.
 */

import { ApiError } from "../errors.ts";
import { hashToken } from "../resources/tokens.ts";
import { textIn } from "../values.ts";
import { askServer } from "./askServer.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries } from "./limits.ts";
import { refreshTokenInCookies } from "./refreshCookie.ts";
import { sessionAnswer } from "./sessions.ts";

interface Rotation {
  readonly status: "rotated" | "invalid" | "reused";
  readonly session_id: string;
  readonly user_id: string;
  readonly is_operator: boolean;
}

export const refreshSession: RestHandler = async (resources, request) => {
  await limitTries(resources, "refreshAddress", request.network);
  const inBody = textIn(request.body, "refreshToken");
  const given = inBody ?? refreshTokenInCookies(resources, request);
  if (given === undefined) throw new ApiError("REFRESH_TOKEN_INVALID");
  const next = resources.tokens.successorOf(given);
  const [row] = await askServer<Rotation>(
    resources,
    request,
    `select status, session_id, user_id, is_operator
     from app_private.rotate_refresh_token($1, $2)`,
    [hashToken(given), next.hash],
  );
  if (row?.status === "reused") {
    resources.logger.warn({ sessionId: row.session_id }, "a used refresh token came back");
    await resources.revocations.revoke(row.session_id);
  }
  if (row?.status !== "rotated") throw new ApiError("REFRESH_TOKEN_INVALID");
  const session = { ...row, userId: row.user_id, refreshToken: next.token };
  const refreshIn = inBody === undefined ? "cookie" : "body";
  return { status: 200, ...sessionAnswer(resources, session, refreshIn) };
};
