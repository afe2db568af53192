/**
 * The second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes. A code
 * works once, and for half a minute before and after its own time.
 */
import { randomBytes } from "node:crypto";
import { Secret, TOTP } from "otpauth";
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { hashToken, type OpaqueToken } from "../resources/tokens.ts";
import { textIn } from "../values.ts";
import { type Asker, askServer, auditFailure } from "./askServer.ts";
import type { RestRequest } from "./handler.ts";
import { countTry, forgetTries, limitTries, takeBackTry, tooManyTries } from "./limits.ts";

const PERIOD_SECONDS = 30;
const RECOVERY_CODES = 10;

/** What every authenticator app takes: SHA-1, six digits, thirty seconds. */
export function totpOf(secret: Uint8Array, email = ""): TOTP {
  const bytes = new Uint8Array(secret);
  return new TOTP({
    issuer: "Staybase",
    label: email,
    secret: new Secret({ buffer: bytes.buffer }),
    period: PERIOD_SECONDS,
  });
}

/** New recovery codes, of 80 bits each: what the person keeps, and what is stored. */
export function createRecoveryCodes(): OpaqueToken[] {
  return Array.from({ length: RECOVERY_CODES }, () => {
    const letters = new Secret({ buffer: new Uint8Array(randomBytes(10)).buffer }).base32;
    return { token: letters.replace(/.{4}(?=.)/g, "$&-"), hash: hashRecoveryCode(letters) };
  });
}

/** People type them in any case, with or without what parts the groups. */
const hashRecoveryCode = (code: string): Buffer =>
  hashToken(code.toUpperCase().replace(/[^A-Z0-9]/g, ""));

interface Factor {
  readonly sealed_secret: Buffer | null;
  readonly is_enabled: boolean | null;
}

/** Which field of a body has the code of the second factor. */
export type CodeField = "code" | "factorCode";

/**
 * Asks who has a second factor for a code of it. Without one there is nothing to ask.
 * @throws {ApiError} SECOND_FACTOR_REQUIRED; INVALID_CREDENTIALS with the field, also for a code
 *   that was used before; RATE_LIMITED
 */
export async function checkSecondFactor(
  resources: Resources,
  asker: Asker & Pick<RestRequest, "body" | "header">,
  userId: string,
  field: CodeField = "code",
): Promise<void> {
  const factor = await findFactor(resources, userId);
  if (factor?.is_enabled !== true) return;
  const code = textIn(asker.body, field);
  if (code === undefined) {
    throw new ApiError("SECOND_FACTOR_REQUIRED", undefined, { fields: [field] });
  }
  await takeCode(resources, asker, userId, factor, { code, field });
}

/**
 * Takes a first code, by which the person shows that their app has the secret.
 * @throws {ApiError} SECOND_FACTOR_MISSING where none was begun, and as `checkSecondFactor`
 */
export async function takeFirstCode(
  resources: Resources,
  asker: Asker & Pick<RestRequest, "header">,
  userId: string,
  code: string,
): Promise<void> {
  const factor = await findFactor(resources, userId);
  if (factor?.is_enabled === true) throw new ApiError("SECOND_FACTOR_ENABLED");
  if (factor?.sealed_secret == null) throw new ApiError("SECOND_FACTOR_MISSING");
  await takeCode(resources, asker, userId, factor, { code, field: "code" });
}

async function takeCode(
  resources: Resources,
  asker: Asker & Pick<RestRequest, "header">,
  userId: string,
  { sealed_secret: sealed }: Factor,
  { code, field }: { readonly code: string; readonly field: CodeField },
): Promise<void> {
  await limitTries(resources, "codeNetwork", `${asker.network} ${userId}`);
  const email = await limitGuessers(resources, asker, userId);
  const digits = code.replace(/\s/g, "");
  const isTaken = /^\d{6}$/.test(digits)
    ? sealed !== null &&
      (await takeStep(resources, userId, resources.factorSecrets.open(userId, sealed), digits))
    : await askBoolean(resources, asker, "use_recovery_code", userId, hashRecoveryCode(code));
  if (!isTaken) {
    await auditFailure(resources, asker, email);
    const message = "This code is wrong, too old, or was used before. Wait for the next one.";
    throw new ApiError("INVALID_CREDENTIALS", message, { fields: [field] });
  }
  await forgetTries(resources, "codeNetwork", `${asker.network} ${userId}`);
  await takeBackTry(resources, "codeUser", userId);
}

/**
 * Limits guesses from everywhere, by who has the password already; they keep nobody out who has
 * signed in from their network before. Gives the address of the person.
 * @throws {ApiError} RATE_LIMITED
 */
async function limitGuessers(
  resources: Resources,
  { network }: Asker,
  userId: string,
): Promise<string> {
  const outcome = await countTry(resources, "codeUser", userId);
  const { rows } = await resources.pool.query<{ email: string; is_known: boolean }>(
    `select email, app_private.is_known_network(email, $2) as is_known
     from app_private.find_password($1)`,
    [userId, network],
  );
  const [row] = rows;
  if (row === undefined) throw new ApiError("INVALID_CREDENTIALS");
  if (!outcome.allowed && !row.is_known) throw tooManyTries(outcome);
  return row.email;
}

async function takeStep(
  resources: Resources,
  userId: string,
  secret: Uint8Array,
  digits: string,
): Promise<boolean> {
  const timestamp = Date.now();
  const delta = totpOf(secret).validate({ token: digits, timestamp, window: 1 });
  if (delta === null) return false;
  const step = Math.floor(timestamp / 1000 / PERIOD_SECONDS) + delta;
  return askBoolean(resources, { network: "" }, "use_factor_step", userId, step);
}

async function askBoolean(
  resources: Resources,
  asker: Asker,
  name: "use_factor_step" | "use_recovery_code",
  ...values: [userId: string, value: unknown]
): Promise<boolean> {
  const [row] = await askServer<{ is_taken: boolean }>(
    resources,
    asker,
    `select app_private.${name}($1, $2) as is_taken`,
    values,
  );
  return row?.is_taken === true;
}

async function findFactor(resources: Resources, userId: string): Promise<Factor | undefined> {
  const { rows } = await resources.pool.query<Factor>(
    "select sealed_secret, is_enabled from app_private.find_second_factor($1)",
    [userId],
  );
  return rows[0];
}
