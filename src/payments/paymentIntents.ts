/** Brings our payment to where an intent, just fetched from Stripe, is. */
import type { Stripe } from "stripe";
import type { Resources } from "../resources/index.ts";
import { retryable } from "../resources/postgres.ts";
import { uuidIn } from "../values.ts";

/**
 * Fetches an intent and follows it.
 * @throws {Stripe.errors.StripeError} where Stripe does not know it, or does not answer
 */
export async function followPaymentIntent(resources: Resources, intentId: string): Promise<void> {
  const { paymentIntents } = resources.stripe.jobs;
  const intent = await paymentIntents.retrieve(intentId, { expand: ["latest_charge"] });
  await applyPaymentIntent(resources, intent);
}

export async function applyPaymentIntent(
  resources: Resources,
  intent: Stripe.PaymentIntent,
): Promise<void> {
  const outcome = await retryable(async () => {
    const { rows } = await resources.pool.query<{ outcome: string }>(
      `select app_private.apply_payment_intent($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9))
         as outcome`,
      [
        intent.id,
        uuidIn(intent.metadata, "payment_id"),
        intent.status,
        intent.amount_received,
        chargeId(intent),
        intent.last_payment_error?.decline_code ?? intent.last_payment_error?.code ?? null,
        intent.amount,
        intent.currency.toUpperCase(),
        captureBefore(intent),
      ],
    );
    return rows[0]?.outcome;
  });
  if (outcome === "unknown") await giveBackUnknown(resources, intent);
  resources.logger.info(
    { intentId: intent.id, status: intent.status, outcome },
    "payment followed",
  );
}

/**
 * Money under the name of a payment or booking of ours that none of them asked for is given back,
 * and shown to the operator.
 */
async function giveBackUnknown(resources: Resources, intent: Stripe.PaymentIntent): Promise<void> {
  const facts = [uuidIn(intent.metadata, "payment_id"), uuidIn(intent.metadata, "booking_id")];
  if (intent.status !== "succeeded" || facts.every((id) => id === null)) return;
  const { rows } = await resources.pool.query<{ is_ours: boolean }>(
    "select app_private.record_unknown_charge($1, $2, $3, $4, $5, $6) as is_ours",
    [intent.id, chargeId(intent), intent.amount_received, intent.currency.toUpperCase(), ...facts],
  );
  if (rows[0]?.is_ours === true) {
    resources.logger.error({ intentId: intent.id }, "money came that no booking asked for");
  }
}

/** Until when the bank sets the money aside, in seconds, where the charge was fetched with it. */
function captureBefore({ latest_charge: charge }: Stripe.PaymentIntent): number | null {
  if (charge === null || typeof charge === "string") return null;
  return charge.payment_method_details?.card?.capture_before ?? null;
}

function chargeId(intent: Stripe.PaymentIntent): string | null {
  const charge = intent.latest_charge;
  return typeof charge === "string" ? charge : (charge?.id ?? null);
}
