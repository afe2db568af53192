/** POST /v1/me/proof: shows who one is again, for what asks for it within the next five minutes. */
import type { RestHandler } from "./handler.ts";
import { proveIdentity } from "./proveIdentity.ts";

export const proveMyself: RestHandler = async (resources, request) => {
  await proveIdentity(resources, request, "password");
  return { status: 204 };
};
