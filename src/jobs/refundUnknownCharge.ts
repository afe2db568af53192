/** Gives back money that was taken in our name and that no booking asked for. */
import { applyRefund } from "./applyRefund.ts";
import { applyRefundsOf } from "./createRefund.ts";
import { type Job, payloadText } from "./task.ts";

interface UnknownCharge {
  readonly status: string | null;
  readonly stripe_payment_intent_id: string;
}

export const refundUnknownCharge: Job = async (resources, payload) => {
  const unknownChargeId = payloadText(payload, "unknownChargeId");
  const read = async (): Promise<UnknownCharge | undefined> => {
    const { rows } = await resources.pool.query<UnknownCharge>(
      "select status, stripe_payment_intent_id from app_private.unknown_charge_for_job($1)",
      [unknownChargeId],
    );
    return rows[0];
  };
  const waiting = await read();
  if (waiting?.status !== "requested" && waiting?.status !== "pending") return;
  await applyRefundsOf(resources, waiting.stripe_payment_intent_id);
  if ((await read())?.status !== "requested") return;
  const made = await resources.stripe.jobs.refunds.create(
    { payment_intent: waiting.stripe_payment_intent_id },
    { idempotencyKey: `unknown_charge:${unknownChargeId}` },
  );
  await applyRefund(resources, made);
};
