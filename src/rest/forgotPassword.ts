/** POST /v1/auth/password/forgot: a job mails a link to who has an account with the address. */
import { emailAddress } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { limitMails } from "./limits.ts";

/** Answers alike whether the address is known or not, and takes as long. */
export const forgotPassword: RestHandler = async (resources, request) => {
  const email = emailAddress(request.body);
  await limitMails(resources, request.network, email);
  await resources.pool.query("select app_private.request_password_reset($1)", [email]);
  const message = "If there is an account with this address, a mail with a link is on its way.";
  return { status: 202, body: { message } };
};
