/** POST /v1/auth/login: checks e-mail and password and begins a session. */
import { ApiError } from "../errors.ts";
import { emailAddress, text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { forgetTries, limitTries, networkOf } from "./limits.ts";
import { startSession } from "./sessions.ts";

interface Credentials {
  readonly user_id: string | null;
  readonly password_hash: string | null;
}

/** Wrong address and wrong password answer alike and take as long. */
export const logIn: RestHandler = async (resources, request) => {
  const email = emailAddress(request.body);
  const network = networkOf(request.ip);
  const pair = `${network} ${email}`;
  await limitTries(resources, "signInAddress", network);
  await limitTries(resources, "signInPair", pair);
  await limitTries(resources, "signInAccount", email);
  const { rows } = await resources.pool.query<Credentials>(
    "select user_id, password_hash from app_private.find_credentials($1)",
    [email],
  );
  const [found] = rows;
  const fits = await resources.passwords.verifyOrDummy(
    found?.password_hash,
    text(request.body, "password"),
  );
  if (!fits || found?.user_id == null) throw new ApiError("INVALID_CREDENTIALS");
  await forgetTries(resources, "signInPair", pair);
  return {
    status: 200,
    body: await startSession(resources, found.user_id, request.header("user-agent")),
  };
};
