/**
 * Hands a mail to the mail server for a job. A refusal for good ends the job: twelve times the same
 * answer help nobody, and make mail servers distrust us.
 */
import type { Resources } from "../resources/index.ts";
import type { Mail } from "../resources/mail.ts";
import { codeOf } from "../resources/resourceError.ts";

/** Whether the mail was taken over; false is for good and in the log, with the mail's id alone. */
export async function handOver(resources: Resources, mail: Mail): Promise<boolean> {
  try {
    await resources.mailer.send(mail);
    return true;
  } catch (error) {
    if (codeOf(error) !== "MAIL_REFUSED") throw error;
    const { messageId } = mail;
    resources.logger.error({ err: error, messageId }, "a mail was refused; it is not repeated");
    return false;
  }
}
