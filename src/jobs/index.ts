/**
 * The jobs by the name under which SQL queues them, and when the clock does. A test compares both
 * with the SQL.
 */
import { cancelPaymentIntent } from "./cancelPaymentIntent.ts";
import { createRefund } from "./createRefund.ts";
import { followPayment } from "./followPayment.ts";
import { completeStays, expireHolds, followStripe, purgeExpired } from "./maintenance.ts";
import { processStripeEvent } from "./processStripeEvent.ts";
import { sendMail } from "./sendMail.ts";
import { sendRegistrationMail } from "./sendRegistrationMail.ts";
import type { Job } from "./task.ts";

export const jobs: Readonly<Record<string, Job>> = {
  cancel_payment_intent: cancelPaymentIntent,
  complete_stays: completeStays,
  create_refund: createRefund,
  expire_holds: expireHolds,
  follow_payment: followPayment,
  follow_stripe: followStripe,
  process_stripe_event: processStripeEvent,
  purge_expired: purgeExpired,
  send_mail: sendMail,
  send_registration_mail: sendRegistrationMail,
};

/** In UTC; a time that was missed while no worker ran is made up for where `fill` says so. */
export const crontab = `
* * * * * expire_holds ?max=3
5 * * * * complete_stays ?fill=2h&max=5
*/20 * * * * follow_stripe ?max=3
17 3 * * * purge_expired ?max=3
`;
