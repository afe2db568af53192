/**
 * Asks Stripe for a refund that the database has decided, under a key that derives from its row.
 */
import { applyRefund } from "./applyRefund.ts";
import { type Job, payloadText } from "./task.ts";

interface Refund {
  readonly status: string | null;
  readonly amount: string;
  readonly stripe_payment_intent_id: string;
}

export const createRefund: Job = async (resources, payload) => {
  const refundId = payloadText(payload, "refundId");
  const { rows } = await resources.pool.query<Refund>(
    "select status, amount, stripe_payment_intent_id from app_private.refund_for_job($1)",
    [refundId],
  );
  const [refund] = rows;
  if (refund?.status !== "requested") return;
  const made = await resources.stripe.jobs.refunds.create(
    {
      payment_intent: refund.stripe_payment_intent_id,
      amount: Number(refund.amount),
      metadata: { refund_id: refundId },
    },
    { idempotencyKey: `refund:${refundId}` },
  );
  await applyRefund(resources, made);
};
