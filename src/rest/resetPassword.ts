/**
 * POST /v1/auth/password/reset: the link in the mail was opened, and whoever did so chooses a new
 * password. Everybody who was signed in is so no longer.
 */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { hashToken } from "../resources/tokens.ts";
import { text } from "./body.ts";
import type { RestHandler, RestRequest } from "./handler.ts";
import { limitTries, networkOf } from "./limits.ts";
import { checkPassword } from "./passwordRules.ts";

export const resetPassword: RestHandler = async (resources, request) => {
  await setNewPassword(resources, request);
  return { status: 204 };
};

/** @throws {ApiError} LINK_INVALID; INVALID_INPUT, after which the link is still good */
export async function setNewPassword(
  resources: Resources,
  request: Pick<RestRequest, "body" | "ip">,
): Promise<void> {
  const password = text(request.body, "password");
  await limitTries(resources, "linkNetwork", networkOf(request.ip));
  checkPassword(password, {});
  const tokenHash = hashToken(text(request.body, "token"));
  const { rows } = await resources.pool.query<{ is_good: boolean }>(
    "select app_private.find_one_time_token($1, 'reset_password') as is_good",
    [tokenHash],
  );
  // Hashing a password is dear: not for who has only guessed.
  if (rows[0]?.is_good !== true) throw new ApiError("LINK_INVALID");
  const hash = await resources.passwords.hash(password);
  await resources.pool.query("select app_private.reset_password($1, $2)", [tokenHash, hash]);
}
