/** PUT /v1/me/password: another password, by whoever knows the one there is. */
import { askServer } from "./askServer.ts";
import { text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { checkPassword } from "./passwordRules.ts";
import { proveIdentity } from "./proveIdentity.ts";

export const changePassword: RestHandler = async (resources, request) => {
  const password = text(request.body, "password");
  const { viewer, email, name } = await proveIdentity(resources, request, "currentPassword");
  checkPassword(password, { email, name });
  const hash = await resources.passwords.hash(password);
  await askServer(resources, request, "select app_private.change_password($1, $2, $3)", [
    viewer.userId,
    hash,
    viewer.sessionId,
  ]);
  return { status: 204 };
};
