/** POST /v1/me/second-factor/enable: from the first code on, signing in asks for one. */
import { askServer } from "./askServer.ts";
import { text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { proveIdentity } from "./proveIdentity.ts";
import { createRecoveryCodes, takeFirstCode } from "./secondFactor.ts";

export const enableSecondFactor: RestHandler = async (resources, request) => {
  const { viewer } = await proveIdentity(resources, request, "password");
  await takeFirstCode(resources, request, viewer.userId, text(request.body, "code"));
  const codes = createRecoveryCodes();
  await askServer(resources, request, "select app_private.enable_second_factor($1, $2, $3)", [
    viewer.userId,
    codes.map(({ hash }) => hash),
    viewer.sessionId,
  ]);
  return { status: 200, body: { recoveryCodes: codes.map(({ token }) => token) } };
};
