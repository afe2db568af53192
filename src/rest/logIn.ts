/** POST /v1/auth/login: checks e-mail and password and begins a session. */
import { ApiError } from "../errors.ts";
import { text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries, startSession } from "./sessions.ts";

interface Credentials {
  readonly user_id: string | null;
  readonly password_hash: string | null;
}

/** Wrong address and wrong password answer alike and take as long. */
export const logIn: RestHandler = async (resources, request) => {
  const email = text(request.body, "email");
  await limitTries(resources, "address", request.ip);
  await limitTries(resources, "account", email.toLowerCase());
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
  return {
    status: 200,
    body: await startSession(resources, found.user_id, request.header("user-agent")),
  };
};
