/**
 * Asks Stripe for a refund that the database has decided, under a key that derives from its row.
 * Stripe forgets keys after a day, and the job may be repeated for longer; and others may have
 * given the charge back in the meantime. So it first takes in what is there, and asks for what is
 * then still to be made.
 */
import { Stripe } from "stripe";
import type { Resources } from "../resources/index.ts";
import { isRefusal } from "../resources/stripe.ts";
import { applyRefund } from "./applyRefund.ts";
import { type Job, payloadText } from "./task.ts";

interface Refund {
  readonly status: string | null;
  readonly amount: string;
  readonly stripe_payment_intent_id: string;
}

export const createRefund: Job = async (resources, payload) => {
  const refundId = payloadText(payload, "refundId");
  const waiting = await read(resources, refundId);
  if (waiting?.status !== "requested" && waiting?.status !== "pending") return;
  await applyRefundsOf(resources, waiting.stripe_payment_intent_id);
  const refund = await read(resources, refundId);
  if (refund?.status !== "requested") return;
  try {
    const made = await resources.stripe.jobs.refunds.create(
      {
        payment_intent: refund.stripe_payment_intent_id,
        amount: Number(refund.amount),
        metadata: { refund_id: refundId },
      },
      { idempotencyKey: `refund:${refundId}` },
    );
    await applyRefund(resources, made);
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError && isRefusal(error))) throw error;
    const code = error.code ?? error.type;
    resources.logger.error({ refundId, code }, "Stripe refused a refund; npm run doctor says more");
    await resources.pool.query("select app_private.refuse_refund($1, $2)", [refundId, code]);
  }
};

/** Takes in every refund of an intent that Stripe has, the oldest first. */
export async function applyRefundsOf(resources: Resources, intentId: string): Promise<void> {
  const refunds = await resources.stripe.jobs.refunds
    .list({ payment_intent: intentId, limit: 100 })
    .autoPagingToArray({ limit: 1000 });
  for (const refund of refunds.reverse()) await applyRefund(resources, refund);
}

async function read(resources: Resources, refundId: string): Promise<Refund | undefined> {
  const { rows } = await resources.pool.query<Refund>(
    "select status, amount, stripe_payment_intent_id from app_private.refund_for_job($1)",
    [refundId],
  );
  return rows[0];
}
