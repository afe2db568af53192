/** Brings a refund, just fetched from Stripe or made there, to where Stripe's is. */
import type { Stripe } from "stripe";
import { followPaymentIntent } from "../payments/paymentIntents.ts";
import type { Resources } from "../resources/index.ts";
import { retryable } from "../resources/postgres.ts";
import { uuidIn } from "../values.ts";

/**
 * Ours or one that others made: the database tells them apart, and takes both in. A refund whose
 * charge is not known yet waits for its payment to be followed.
 */
export async function applyRefund(resources: Resources, refund: Stripe.Refund): Promise<void> {
  const intentId = idOf(refund.payment_intent);
  if (intentId === null) {
    resources.logger.warn({ stripeRefundId: refund.id }, "a refund of a charge without an intent");
    return;
  }
  let outcome = await apply(resources, refund, intentId);
  if (outcome === "not_captured") {
    await followPaymentIntent(resources, intentId);
    outcome = await apply(resources, refund, intentId);
  }
  const facts = { stripeRefundId: refund.id, status: refund.status, outcome };
  // The guest's money is with us still, in guest_payable: somebody has to find another way back.
  if (outcome === "failed")
    resources.logger.error(facts, "a refund failed; npm run doctor says more");
  else resources.logger.info(facts, "refund followed");
}

function apply(resources: Resources, refund: Stripe.Refund, intentId: string): Promise<string> {
  return retryable(async () => {
    const { rows } = await resources.pool.query<{ outcome: string }>(
      "select app_private.apply_refund($1, $2, $3, $4, $5, $6, $7) as outcome",
      [
        uuidIn(refund.metadata, "refund_id"),
        refund.id,
        refund.status,
        intentId,
        refund.amount,
        refund.currency.toUpperCase(),
        refund.failure_reason ?? null,
      ],
    );
    return rows[0]?.outcome ?? "";
  });
}

function idOf(intent: string | Stripe.PaymentIntent | null): string | null {
  return typeof intent === "string" ? intent : (intent?.id ?? null);
}
