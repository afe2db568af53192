/**
 * Mails a link that works once. The token is drawn here, so that it stands in the mail and nowhere
 * else: the database keeps its hash.
 */
import { createRandomToken } from "../resources/tokens.ts";
import { handOver } from "./handOver.ts";
import { emailLink, resetLink } from "./links.ts";
import { emailChangeMail, passwordResetMail } from "./mails.ts";
import { type Job, payloadText } from "./task.ts";

interface Link {
  readonly purpose: "reset_password" | "change_email" | null;
  readonly email: string | null;
}

export const sendLinkMail: Job = async (resources, payload) => {
  const tokenId = payloadText(payload, "tokenId");
  const { token, hash } = createRandomToken();
  const { rows } = await resources.pool.query<Link>(
    "select purpose, email from app_private.set_one_time_token($1, $2)",
    [tokenId, hash],
  );
  const [link] = rows;
  if (link?.email == null) return;
  const { config } = resources;
  const mail =
    link.purpose === "reset_password"
      ? passwordResetMail(resetLink(config, token))
      : emailChangeMail(emailLink(config, token));
  await handOver(resources, { to: link.email, ...mail, messageId: `<link-${tokenId}@staybase>` });
};
