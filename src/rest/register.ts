/**
 * POST /v1/auth/register: notes the wish for an account; a job mails the link that proves the
 * address.
 */
import { text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries } from "./sessions.ts";

/** Answers alike whether the address is known or not, and takes as long. */
export const register: RestHandler = async (resources, request) => {
  const email = text(request.body, "email");
  await limitTries(resources, "address", request.ip);
  await limitTries(resources, "account", email.toLowerCase());
  const passwordHash = await resources.passwords.hash(text(request.body, "password"));
  await resources.pool.query("select app_private.register($1, $2, $3)", [
    email,
    text(request.body, "displayName"),
    passwordHash,
  ]);
  return { status: 202, body: { message: "Open the link in the mail that we have sent." } };
};
