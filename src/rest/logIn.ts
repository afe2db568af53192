/** POST /v1/auth/login: checks e-mail and password and begins a session. */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { askServer } from "./askServer.ts";
import { emailAddress, text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { countTry, forgetTries, limitTries, takeBackTry, tooManyTries } from "./limits.ts";
import { startSession } from "./sessions.ts";

interface Credentials {
  readonly user_id: string | null;
  readonly password_hash: string | null;
}

/** Wrong address and wrong password answer alike and take as long. */
export const logIn: RestHandler = async (resources, request) => {
  const email = emailAddress(request.body);
  const { network } = request;
  const pair = `${network} ${email}`;
  await limitTries(resources, "signInPair", pair);
  await limitStrangers(resources, network, email);
  const { rows } = await resources.pool.query<Credentials>(
    "select user_id, password_hash from app_private.find_credentials($1)",
    [email],
  );
  const [found] = rows;
  const fits = await resources.passwords.verifyOrDummy(
    found?.password_hash,
    text(request.body, "password"),
  );
  if (!fits || found?.user_id == null) {
    await askServer(resources, request, "select app_private.audit_failed_sign_in($1, $2)", [
      email,
      request.header("user-agent") ?? "",
    ]);
    throw new ApiError("INVALID_CREDENTIALS");
  }
  await Promise.all([
    forgetTries(resources, "signInPair", pair),
    takeBackTry(resources, "signInNetwork", network),
    takeBackTry(resources, "signInAccount", email),
  ]);
  return { status: 200, body: await startSession(resources, found.user_id, request) };
};

/**
 * Limits the failures of a network, and those with an account from everywhere. Who has signed in to
 * the account from this network before is not kept out by what others do.
 * @throws {ApiError} RATE_LIMITED
 */
async function limitStrangers(resources: Resources, network: string, email: string): Promise<void> {
  const outcomes = await Promise.all([
    countTry(resources, "signInNetwork", network),
    countTry(resources, "signInAccount", email),
  ]);
  const exceeded = outcomes.find(({ allowed }) => !allowed);
  if (exceeded === undefined) return;
  const { rows } = await resources.pool.query<{ is_known: boolean }>(
    "select app_private.is_known_network($1, $2) as is_known",
    [email, network],
  );
  if (rows[0]?.is_known !== true) throw tooManyTries(exceeded);
}
