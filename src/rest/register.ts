/**
 * POST /v1/auth/register: notes the wish for an account; a job mails the link that proves the
 * address.
 */
import { createRandomToken } from "../resources/tokens.ts";
import { emailAddress, text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { limitMails } from "./limits.ts";
import { checkPassword } from "./passwordRules.ts";
import { registrationCookie } from "./registrationKey.ts";

/** Answers alike whether the address is known or not, and takes as long. */
export const register: RestHandler = async (resources, request) => {
  const email = emailAddress(request.body);
  const password = text(request.body, "password");
  const name = text(request.body, "displayName");
  checkPassword(password, { email, name });
  await limitMails(resources, request.network, email);
  const hash = await resources.passwords.hash(password);
  const key = createRandomToken();
  await resources.pool.query("select app_private.register($1, $2, $3, $4)", [
    email,
    name,
    hash,
    key.hash,
  ]);
  const message = "Open the link in the mail that we have sent.";
  return {
    status: 202,
    body: { message, registrationKey: key.token },
    headers: { "Set-Cookie": registrationCookie(key.token) },
  };
};
