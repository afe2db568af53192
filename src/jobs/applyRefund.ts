/** Brings our refund to where Stripe's, just fetched or made, is. */
import type { Stripe } from "stripe";
import type { Resources } from "../resources/index.ts";
import { retryable } from "../resources/postgres.ts";

/**
 * A refund without our id was made in Stripe's own pages; it is told in the log for the operator.
 */
export async function applyRefund(resources: Resources, refund: Stripe.Refund): Promise<void> {
  const refundId = refund.metadata?.refund_id;
  if (refundId === undefined) {
    resources.logger.warn({ stripeRefundId: refund.id }, "a refund that is not ours");
    return;
  }
  const outcome = await retryable(async () => {
    const { rows } = await resources.pool.query<{ outcome: string }>(
      "select app_private.apply_refund($1, $2, $3) as outcome",
      [refundId, refund.id, refund.status],
    );
    return rows[0]?.outcome;
  });
  const facts = { refundId, status: refund.status, outcome };
  // The guest's money is with us still, in guest_payable: somebody has to find another way back.
  if (outcome === "failed") resources.logger.error(facts, "a refund failed; pay it back by hand");
  else resources.logger.info(facts, "refund followed");
}
