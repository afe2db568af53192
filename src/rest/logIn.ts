/** POST /v1/auth/login: checks e-mail and password and begins a session. */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { auditFailure } from "./askServer.ts";
import { emailAddress, text } from "./body.ts";
import type { RestHandler, RestRequest } from "./handler.ts";
import { countTry, forgetTries, limitTries, takeBackTry, tooManyTries } from "./limits.ts";
import { checkSecondFactor } from "./secondFactor.ts";
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
  const proven = await checkCredentials(resources, request, email, rows[0]);
  await Promise.all([
    forgetTries(resources, "signInPair", pair),
    takeBackTry(resources, "signInNetwork", network),
    takeBackTry(resources, "signInAccount", email),
  ]);
  const session = await startSession(resources, proven.userId, request, proven.passwordHash);
  return { status: 200, ...session };
};

/** @throws {ApiError} INVALID_CREDENTIALS, SECOND_FACTOR_REQUIRED, RATE_LIMITED */
async function checkCredentials(
  resources: Resources,
  request: RestRequest,
  email: string,
  found: Credentials | undefined,
): Promise<{ readonly userId: string; readonly passwordHash: string }> {
  const password = text(request.body, "password");
  const { user_id: userId, password_hash: passwordHash } = found ?? {};
  const fits = await resources.passwords.verifyOrDummy(passwordHash, password);
  if (!fits || userId == null || passwordHash == null) {
    await auditFailure(resources, request, email);
    throw new ApiError("INVALID_CREDENTIALS");
  }
  await checkSecondFactor(resources, request, userId);
  return { userId, passwordHash };
}

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
