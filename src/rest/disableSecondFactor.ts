/** DELETE /v1/me/second-factor: signing in asks for the password alone again. */
import { askServer } from "./askServer.ts";
import type { RestHandler } from "./handler.ts";
import { proveIdentity } from "./proveIdentity.ts";

export const disableSecondFactor: RestHandler = async (resources, request) => {
  const { viewer } = await proveIdentity(resources, request, "password");
  await askServer(resources, request, "select app_private.disable_second_factor($1)", [
    viewer.userId,
  ]);
  return { status: 204 };
};
