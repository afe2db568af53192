/**
 * POST /v1/auth/password/reset: the link in the mail was opened, and whoever did so chooses a new
 * password and is signed in. Everybody who was signed in before is so no longer.
 */

import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { hashToken } from "../resources/tokens.ts";
import { askServer } from "./askServer.ts";
import { text } from "./body.ts";
import type { RestHandler, RestRequest } from "./handler.ts";
import { forgetTries, limitTries } from "./limits.ts";
import { checkPassword } from "./passwordRules.ts";
import { checkSecondFactor } from "./secondFactor.ts";
import { startSession } from "./sessions.ts";

export const resetPassword: RestHandler = async (resources, request) => {
  const userId = await setNewPassword(resources, request);
  return { status: 200, ...(await startSession(resources, userId, request)) };
};

/**
 * Sets the password and returns whose it is.
 * @throws {ApiError} LINK_INVALID; INVALID_INPUT, SECOND_FACTOR_REQUIRED and INVALID_CREDENTIALS,
 *   after which the link is still good
 */
export async function setNewPassword(
  resources: Resources,
  request: Pick<RestRequest, "body" | "header" | "network">,
): Promise<string> {
  const password = text(request.body, "password");
  const { network } = request;
  await limitTries(resources, "linkNetwork", network);
  checkPassword(password, {});
  const tokenHash = hashToken(text(request.body, "token"));
  const { rows } = await resources.pool.query<{ user_id: string | null }>(
    "select app_private.find_reset_person($1) as user_id",
    [tokenHash],
  );
  const userId = rows[0]?.user_id;
  // Hashing a password is dear: not for who has only guessed.
  if (userId == null) throw new ApiError("LINK_INVALID");
  // Who reads a person's mail does not have their second factor.
  await checkSecondFactor(resources, request, userId);
  const hash = await resources.passwords.hash(password);
  const [row] = await askServer<{ user_id: string; email: string }>(
    resources,
    request,
    `select p.user_id, found.email
     from app_private.reset_password($1, $2) p (user_id),
       app_private.find_password(p.user_id) found`,
    [tokenHash, hash],
  );
  if (row === undefined) throw new ApiError("LINK_INVALID");
  // Who has just guessed at their own password too often gets in with the new one.
  await forgetTries(resources, "signInPair", `${network} ${row.email}`);
  return row.user_id;
}
