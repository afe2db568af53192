/** POST /v1/me/second-factor: a secret for an authenticator app, which asks for nothing yet. */
import { randomBytes } from "node:crypto";
import { askServer } from "./askServer.ts";
import type { RestHandler } from "./handler.ts";
import { proveIdentity } from "./proveIdentity.ts";
import { totpOf } from "./secondFactor.ts";

/** As long as the output of SHA-1 (RFC 4226). */
const SECRET_BYTES = 20;

export const beginSecondFactor: RestHandler = async (resources, request) => {
  const { viewer, email } = await proveIdentity(resources, request, "password");
  const secret = randomBytes(SECRET_BYTES);
  await askServer(resources, request, "select app_private.begin_second_factor($1, $2)", [
    viewer.userId,
    resources.factorSecrets.seal(viewer.userId, secret),
  ]);
  const totp = totpOf(secret, email);
  return { status: 201, body: { secret: totp.secret.base32, uri: totp.toString() } };
};
