/**
 * POST /v1/auth/logout: ends the session of the access token, at once and everywhere, and takes the
 * cookie with its refresh token from the browser.
 */
import { ApiError } from "../errors.ts";
import type { RestHandler } from "./handler.ts";
import { forgetRefreshToken } from "./refreshCookie.ts";

export const logOut: RestHandler = async (resources, request) => {
  if (request.viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  const { sessionId } = request.viewer;
  await resources.pool.query("select app_private.end_session($1)", [sessionId]);
  await resources.revocations.revoke(sessionId);
  return { status: 204, headers: forgetRefreshToken(request) };
};
