/**
 * Asks Stripe for a refund that the database has decided, under a key that derives from its row.
 * Stripe forgets keys after a day, and the job may be repeated for longer: so it first looks
 * whether the refund is there, and then only follows it.
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
  if (refund?.status !== "requested" && refund?.status !== "pending") return;
  const { refunds } = resources.stripe.jobs;
  const intent = { payment_intent: refund.stripe_payment_intent_id };
  const there = await refunds.list({ ...intent, limit: 100 });
  const made =
    there.data.find(({ metadata }) => metadata?.refund_id === refundId) ??
    (await refunds.create(
      { ...intent, amount: Number(refund.amount), metadata: { refund_id: refundId } },
      { idempotencyKey: `refund:${refundId}` },
    ));
  await applyRefund(resources, made);
};
