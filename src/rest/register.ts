/**
 * POST /v1/auth/register: notes the wish for an account; a job mails the link that proves the
 * address.
 */
import { emailAddress, text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries, networkOf } from "./limits.ts";

/** Answers alike whether the address is known or not, and takes as long. */
export const register: RestHandler = async (resources, request) => {
  const email = emailAddress(request.body);
  await limitTries(resources, "registerAddress", networkOf(request.ip));
  await limitTries(resources, "registerAccount", email);
  const passwordHash = await resources.passwords.hash(text(request.body, "password"));
  await resources.pool.query("select app_private.register($1, $2, $3)", [
    email,
    text(request.body, "displayName"),
    passwordHash,
  ]);
  return { status: 202, body: { message: "Open the link in the mail that we have sent." } };
};
