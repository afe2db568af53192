/**
 * DELETE /v1/me: closes the account of who has just shown who they are, and erases whose it was.
 */
import { askServer } from "./askServer.ts";
import type { RestHandler } from "./handler.ts";
import { proveIdentity } from "./proveIdentity.ts";
import { forgetRefreshToken } from "./refreshCookie.ts";

export const closeAccount: RestHandler = async (resources, request) => {
  const { viewer } = await proveIdentity(resources, request, "password");
  await askServer(resources, request, "select app_private.close_account($1)", [viewer.userId]);
  await resources.revocations.revoke(viewer.sessionId);
  return { status: 204, headers: forgetRefreshToken(request) };
};
