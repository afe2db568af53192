/**
 * POST /v1/users/{userId}/impersonation: an access token with which an operator sees what somebody
 * sees. It says whose it is, lives as long as any access token and is not refreshed; nothing can
 * be changed with it, and the audit log has who, whom and why.
 */
import { ApiError } from "../errors.ts";
import { askServer } from "./askServer.ts";
import { text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { proveIdentity } from "./proveIdentity.ts";

export const impersonateUser: RestHandler = async (resources, request) => {
  const reason = text(request.body, "reason");
  if (request.viewer?.role !== "operator") throw new ApiError("FORBIDDEN");
  const { viewer } = await proveIdentity(resources, request, "password");
  const userId = request.params.userId ?? "";
  const [row] = await askServer<{ session_id: string }>(
    resources,
    request,
    "select app_private.start_impersonation($1, $2, $3, $4, $5) as session_id",
    [viewer.userId, userId, reason, request.network, `${resources.tokens.accessSeconds} seconds`],
  );
  if (row === undefined) throw new ApiError("INTERNAL");
  const { token, expiresAt } = resources.tokens.signAccessToken({
    userId,
    sessionId: row.session_id,
    role: "visitor",
    impersonatorId: viewer.userId,
  });
  return {
    status: 201,
    body: { accessToken: token, accessTokenExpiresAt: expiresAt.toISOString(), userId },
  };
};
