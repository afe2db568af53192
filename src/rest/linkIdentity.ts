/** POST /v1/me/identities: one more way to sign in, by whoever has shown who they are. */
import { askServer } from "./askServer.ts";
import type { RestHandler } from "./handler.ts";
import { proofIn } from "./oidc.ts";
import { proveIdentity } from "./proveIdentity.ts";

export const linkIdentity: RestHandler = async (resources, request) => {
  const { viewer } = await proveIdentity(resources, request, "password", "factorCode");
  await askServer(resources, request, "select app_private.link_identity($1, $2, $3)", [
    viewer.userId,
    ...proofIn(request.body),
  ]);
  return { status: 204 };
};
