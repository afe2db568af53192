/**
 * The booking has ended unpaid: Stripe shall take no more money for it. Where the guest was faster,
 * the money is there, and following the intent settles it: the nights are taken again, or it goes
 * back.
 */
import { Stripe } from "stripe";
import { applyPaymentIntent, followPaymentIntent } from "../payments/paymentIntents.ts";
import { isUnknown } from "../resources/stripe.ts";
import { type Job, payloadText } from "./task.ts";

export const cancelPaymentIntent: Job = async (resources, payload) => {
  const paymentId = payloadText(payload, "paymentId");
  const { rows } = await resources.pool.query<{ intent_id: string | null }>(
    "select stripe_payment_intent_id as intent_id from app_private.payment_for_job($1)",
    [paymentId],
  );
  const intentId = rows[0]?.intent_id ?? null;
  if (intentId === null) return;
  const { paymentIntents } = resources.stripe.jobs;
  try {
    // Without a key: cancelling twice is harmless, and under a key Stripe would repeat a refusal
    // ("it is processing") long after the reason for it has gone.
    await applyPaymentIntent(resources, await paymentIntents.cancel(intentId));
  } catch (error) {
    if (isUnknown(error)) {
      resources.logger.error({ intentId }, "Stripe does not know the intent to be cancelled");
      return;
    }
    const unexpected =
      error instanceof Stripe.errors.StripeError &&
      error.code === "payment_intent_unexpected_state";
    if (!unexpected) throw error;
    await followPaymentIntent(resources, intentId);
  }
};
