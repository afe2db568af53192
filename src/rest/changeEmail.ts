/**
 * PUT /v1/me/email: a job mails a link to the new address, and the address changes when it is
 * opened.
 */
import { emailAddress } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { limitMails } from "./limits.ts";
import { proveIdentity } from "./proveIdentity.ts";

/** Answers alike whether the address is another's or nobody's. */
export const changeEmail: RestHandler = async (resources, request) => {
  const email = emailAddress(request.body);
  const { viewer } = await proveIdentity(resources, request, "password");
  await limitMails(resources, request.network, email);
  await resources.pool.query("select app_private.request_email_change($1, $2)", [
    viewer.userId,
    email,
  ]);
  return { status: 202, body: { message: "Open the link in the mail to the new address." } };
};
