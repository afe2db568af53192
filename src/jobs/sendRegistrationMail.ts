/**
 * Mails the link that proves an address; or, where the address has an account, says so. The token
 * is drawn here, so that it stands in the mail and nowhere else: the database keeps its hash.
 */
import { createRandomToken } from "../resources/tokens.ts";
import { handOver } from "./handOver.ts";
import { confirmLink } from "./links.ts";
import { registrationMail } from "./mails.ts";
import { type Job, payloadText } from "./task.ts";

interface Registration {
  readonly email: string | null;
  readonly has_account: boolean;
}

export const sendRegistrationMail: Job = async (resources, payload) => {
  const registrationId = payloadText(payload, "registrationId");
  const { token, hash } = createRandomToken();
  const { rows } = await resources.pool.query<Registration>(
    "select email, has_account from app_private.set_registration_token($1, $2)",
    [registrationId, hash],
  );
  const [registration] = rows;
  if (registration?.email == null) return;
  await handOver(resources, {
    to: registration.email,
    ...registrationMail({
      hasAccount: registration.has_account,
      link: confirmLink(resources.config, token),
    }),
    messageId: `<registration-${registrationId}@staybase>`,
  });
};
