/** Sends a mail that is owed, once: what is marked as sent is not sent again. */
import { handOver } from "./handOver.ts";
import { bookingLink } from "./links.ts";
import { type BookingMailFacts, bookingMail } from "./mails.ts";
import { type Job, payloadText } from "./task.ts";

type OwedMail = BookingMailFacts & { readonly kind: string | null; readonly email: string };

export const sendMail: Job = async (resources, payload) => {
  const mailId = payloadText(payload, "mailId");
  const { rows } = await resources.pool.query<OwedMail>(
    `select kind, email, display_name, other_name, booking_id, listing_title, city, check_in::text,
       check_out::text, party, currency, exponent, total_amount, host_amount, street,
       cancelled_by, cancellation_reason, kept_host_amount, refund_amount, refund_reason,
       status, status_reason, answer_due, new_check_in::text, new_check_out::text, new_party,
       difference_amount, alteration_reason, pay_until
     from app_private.mail_to_send($1)`,
    [mailId],
  );
  const [mail] = rows;
  if (mail?.kind != null) {
    const taken = await handOver(resources, {
      to: mail.email,
      ...bookingMail(mail.kind, mail, bookingLink(resources.config, mail.booking_id)),
      messageId: `<mail-${mailId}@staybase>`,
    });
    if (!taken) return;
  }
  await resources.pool.query("select app_private.mark_mail_sent($1)", [mailId]);
};
