/**
 * Lets the database write down what a person has asked for, and mails the link. The token is drawn
 * here, so that it stands in the mail and nowhere else: the database keeps its hash.
 */
import { createRandomToken } from "../resources/tokens.ts";
import { handOver } from "./handOver.ts";
import { exportLink } from "./links.ts";
import { exportMail } from "./mails.ts";
import { type Job, payloadText } from "./task.ts";

export const exportData: Job = async (resources, payload) => {
  const exportId = payloadText(payload, "exportId");
  const { token, hash } = createRandomToken();
  const { rows } = await resources.pool.query<{ email: string | null }>(
    "select app_private.build_export($1, $2) as email",
    [exportId, hash],
  );
  const email = rows[0]?.email;
  if (email == null) return;
  const mail = exportMail(exportLink(resources.config, token));
  await handOver(resources, { to: email, ...mail, messageId: `<export-${exportId}@staybase>` });
};
