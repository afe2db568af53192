/** Brings our payment to where an intent, just fetched from Stripe, is. */
import type { Stripe } from "stripe";
import type { Resources } from "../resources/index.ts";
import { retryable } from "../resources/postgres.ts";

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
        paymentId(intent),
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
  resources.logger.info(
    { intentId: intent.id, status: intent.status, outcome },
    "payment followed",
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Our id, as we gave it to Stripe. */
function paymentId(intent: Stripe.PaymentIntent): string | null {
  const id = intent.metadata.payment_id;
  return id !== undefined && UUID.test(id) ? id : null;
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
