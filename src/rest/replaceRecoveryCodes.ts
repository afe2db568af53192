/** POST /v1/me/second-factor/recovery-codes: new ones; those before stop working. */
import { askServer } from "./askServer.ts";
import type { RestHandler } from "./handler.ts";
import { proveIdentity } from "./proveIdentity.ts";
import { createRecoveryCodes } from "./secondFactor.ts";

export const replaceRecoveryCodes: RestHandler = async (resources, request) => {
  const { viewer } = await proveIdentity(resources, request, "password");
  const codes = createRecoveryCodes();
  await askServer(resources, request, "select app_private.replace_recovery_codes($1, $2)", [
    viewer.userId,
    codes.map(({ hash }) => hash),
  ]);
  return { status: 200, body: { recoveryCodes: codes.map(({ token }) => token) } };
};
