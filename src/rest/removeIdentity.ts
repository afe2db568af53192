/** DELETE /v1/me/identities/{identityId}: one way less to sign in, never the last. */
import { ApiError } from "../errors.ts";
import { askServer } from "./askServer.ts";
import type { RestHandler } from "./handler.ts";
import { proveIdentity } from "./proveIdentity.ts";

export const removeIdentity: RestHandler = async (resources, request) => {
  const { viewer } = await proveIdentity(resources, request, "password");
  const [row] = await askServer<{ was_there: boolean }>(
    resources,
    request,
    "select app_private.remove_identity($1, $2) as was_there",
    [viewer.userId, request.params.identityId],
  );
  if (row?.was_there !== true) throw new ApiError("NOT_FOUND");
  return { status: 204 };
};
