/**
 * The jobs by the name under which SQL queues them, and when the clock does. A name begins with
 * what the job is about. A test compares both lists with the SQL.
 */
import { cancelPaymentIntent } from "./cancelPaymentIntent.ts";
import { capturePayment } from "./capturePayment.ts";
import { chargeAlteration } from "./chargeAlteration.ts";
import { createRefund } from "./createRefund.ts";
import { endHold } from "./endHold.ts";
import { exportData } from "./exportData.ts";
import { finishErasure } from "./finishErasure.ts";
import {
  ageFloors,
  completeStays,
  expireHolds,
  purgeExpired,
  requeueStaleStripe,
} from "./maintenance.ts";
import { processStripeEvent } from "./processStripeEvent.ts";
import { publishEvents } from "./publishEvents.ts";
import { recoverEvents } from "./recoverEvents.ts";
import { refundUnknownCharge } from "./refundUnknownCharge.ts";
import { sendLinkMail } from "./sendLinkMail.ts";
import { sendMail } from "./sendMail.ts";
import { sendNoticeMail } from "./sendNoticeMail.ts";
import { sendRegistrationMail } from "./sendRegistrationMail.ts";
import { syncPayment } from "./syncPayment.ts";
import type { Job } from "./task.ts";

export const jobs: Readonly<Record<string, Job>> = {
  account__export: exportData,
  account__finish_erasure: finishErasure,
  alteration__charge: chargeAlteration,
  booking__complete_stays: completeStays,
  booking__expire_holds: expireHolds,
  event__publish: publishEvents,
  mail__send: sendMail,
  mail__send_link: sendLinkMail,
  mail__send_notice: sendNoticeMail,
  mail__send_registration: sendRegistrationMail,
  maintenance__purge_expired: purgeExpired,
  payment__cancel_intent: cancelPaymentIntent,
  payment__capture: capturePayment,
  payment__end_hold: endHold,
  payment__sync: syncPayment,
  refund__create: createRefund,
  refund__create_unknown: refundUnknownCharge,
  search__age_floors: ageFloors,
  stripe__process_event: processStripeEvent,
  stripe__recover_events: recoverEvents,
  stripe__requeue_stale: requeueStaleStripe,
};

/** Names of the first release: jobs that were queued before an upgrade still have them. */
export const formerJobs: Readonly<Record<string, Job>> = {
  cancel_payment_intent: cancelPaymentIntent,
  complete_stays: completeStays,
  create_refund: createRefund,
  expire_holds: expireHolds,
  follow_payment: syncPayment,
  follow_stripe: requeueStaleStripe,
  process_stripe_event: processStripeEvent,
  purge_expired: purgeExpired,
  send_mail: sendMail,
  send_registration_mail: sendRegistrationMail,
};

const STRIPES: ReadonlySet<Job> = new Set([
  cancelPaymentIntent,
  capturePayment,
  chargeAlteration,
  createRefund,
  finishErasure,
  processStripeEvent,
  recoverEvents,
  refundUnknownCharge,
  syncPayment,
]);

/** Whether a job asks Stripe, which may not answer for long. */
export const isStripes = (job: Job): boolean => STRIPES.has(job);

/** In UTC; a time that was missed while no worker ran is made up for where `fill` says so. */
export const crontab = `
* * * * * booking__expire_holds ?max=3
* * * * * event__publish ?max=3
5 * * * * booking__complete_stays ?fill=2h&max=5
1,31,46 * * * * search__age_floors ?max=3
*/20 * * * * stripe__requeue_stale ?max=3
10,30,50 * * * * stripe__recover_events ?max=3
17 3 * * * maintenance__purge_expired ?max=3
`;
