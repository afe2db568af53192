/**
 * Looks at a payment that has been open for long: the event that would have told how it ended may
 * be lost. Following its intent settles it as the event would have.
 */

import { followPaymentIntent } from "../payments/paymentIntents.ts";
import { isUnknown } from "../resources/stripe.ts";
import { type Job, payloadText } from "./task.ts";

export const syncPayment: Job = async (resources, payload) => {
  const { rows } = await resources.pool.query<{ intent_id: string | null }>(
    "select stripe_payment_intent_id as intent_id from app_private.payment_for_job($1)",
    [payloadText(payload, "paymentId")],
  );
  const intentId = rows[0]?.intent_id ?? null;
  if (intentId === null) return;
  try {
    await followPaymentIntent(resources, intentId);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    // It may be of another account, which only a person can tell: nothing is decided here.
    resources.logger.error({ intentId }, "Stripe does not know the intent of an open payment");
  }
};
