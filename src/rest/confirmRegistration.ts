/**
 * POST /v1/auth/confirm: the link in the mail was opened, and whoever did so has the password that
 * the registration was made with; the account comes to be and is signed in.
 */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { hashToken } from "../resources/tokens.ts";
import { textIn } from "../values.ts";
import { text } from "./body.ts";
import type { RestHandler, RestRequest } from "./handler.ts";
import { limitTries } from "./limits.ts";
import { startSession } from "./sessions.ts";

export const confirmRegistration: RestHandler = async (resources, request) => {
  const userId = await createAccount(resources, request);
  return { status: 201, ...(await startSession(resources, userId, request)) };
};

/**
 * Creates the account of a registration and returns its user. The token proves the mailbox; the key
 * or the password proves that its owner registered: anybody can register another's address, and the
 * link alone would then make an account that opens to their password.
 * @throws {ApiError} REGISTRATION_INVALID; INVALID_CREDENTIALS, after which the token is still good
 */
export async function createAccount(
  resources: Resources,
  request: Pick<RestRequest, "body" | "network">,
): Promise<string> {
  const token = text(request.body, "token");
  await limitTries(resources, "confirmAddress", request.network);
  await limitTries(resources, "confirmToken", token);
  const tokenHash = hashToken(token);
  const found = await resources.pool.query<Registration>(
    `select app_private.find_registration($1) as password_hash,
       app_private.find_registration_key($1) as key_hash`,
    [tokenHash],
  );
  const { password_hash: passwordHash, key_hash: keyHash } = found.rows[0] ?? {};
  if (passwordHash == null) throw new ApiError("REGISTRATION_INVALID");
  const key = textIn(request.body, "registrationKey");
  const hasKey = key !== undefined && keyHash != null && hashToken(key).equals(keyHash);
  if (!hasKey) await checkRegistrant(resources, passwordHash, textIn(request.body, "password"));
  const { rows } = await resources.pool.query<{ user_id: string }>(
    "select app_private.confirm_registration($1) as user_id",
    [tokenHash],
  );
  const [row] = rows;
  if (row === undefined) throw new ApiError("REGISTRATION_INVALID");
  return row.user_id;
}

interface Registration {
  readonly password_hash: string | null;
  readonly key_hash: Buffer | null;
}

async function checkRegistrant(
  resources: Resources,
  passwordHash: string,
  password: string | undefined,
): Promise<void> {
  if (password === undefined) {
    const message = "Repeat the password that you chose when you registered.";
    throw new ApiError("INVALID_CREDENTIALS", message, { fields: ["password"] });
  }
  if (await resources.passwords.verifyOrDummy(passwordHash, password)) return;
  throw new ApiError("INVALID_CREDENTIALS", WRONG_PASSWORD, { fields: ["password"] });
}

const WRONG_PASSWORD =
  "This is not the password that was chosen with this registration. If there are several of " +
  "these mails, each goes with its own password: try the link in another one.";
