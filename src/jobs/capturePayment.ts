/**
 * A host has accepted a request: Stripe takes the money that is set aside. Where it no longer can,
 * because the bank has let go of it, following the intent ends the request.
 */
import { Stripe } from "stripe";
import { applyPaymentIntent, followPaymentIntent } from "../payments/paymentIntents.ts";
import { isRefusal } from "../resources/stripe.ts";
import { type Job, payloadText } from "./task.ts";

interface Payment {
  readonly stripe_payment_intent_id: string | null;
  readonly status: string | null;
}

export const capturePayment: Job = async (resources, payload) => {
  const { rows } = await resources.pool.query<Payment>(
    "select stripe_payment_intent_id, status from app_private.payment_for_job($1)",
    [payloadText(payload, "paymentId")],
  );
  const [payment] = rows;
  if (payment?.status !== "authorised" || payment.stripe_payment_intent_id === null) return;
  const { paymentIntents } = resources.stripe.jobs;
  const intentId = payment.stripe_payment_intent_id;
  try {
    // Without a key: what is captured cannot be captured again, and under a key Stripe would repeat
    // a failure of its own.
    await applyPaymentIntent(resources, await paymentIntents.capture(intentId));
  } catch (error) {
    const isRefused = error instanceof Stripe.errors.StripeError && isRefusal(error);
    if (!isRefused) throw error;
    resources.logger.warn({ intentId, code: error.code }, "Stripe took no money for a request");
    await followPaymentIntent(resources, intentId);
  }
};
