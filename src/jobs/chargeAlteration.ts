/**
 * A change of a stay is accepted that its guest has asked for, with the wish that a saved card be
 * charged for it. The guest is not there: where there is no card, the bank refuses it or wants the
 * guest, or Stripe does not answer, the guest is told, and may pay it as any other payment.
 */
import { Stripe } from "stripe";
import { beginPayment } from "../payments/beginPayment.ts";
import { keptCardsOf } from "../payments/customers.ts";
import { type BegunPayment, intentOf } from "../payments/intentOfPayment.ts";
import { applyPaymentIntent, followPaymentIntent } from "../payments/paymentIntents.ts";
import type { Resources } from "../resources/index.ts";
import { isRefusal } from "../resources/stripe.ts";
import { type Job, payloadText } from "./task.ts";

export const chargeAlteration: Job = async (resources, payload) => {
  const alterationId = payloadText(payload, "alterationId");
  const { rows } = await resources.pool.query<{
    booking_id: string | null;
    guest_id: string | null;
  }>("select booking_id, guest_id from app_private.alteration_to_charge($1)", [alterationId]);
  const { booking_id: bookingId, guest_id: userId } = rows[0] ?? {};
  if (bookingId == null || userId == null) return;
  try {
    const [card] = await keptCardsOf(resources, resources.stripe.jobs, userId);
    if (card !== undefined && (await charge(resources, userId, bookingId, card.id))) return;
    resources.logger.info({ alterationId }, "no saved card was charged; its guest is asked to pay");
  } catch (error) {
    // The next try may go through; until then its guest is not left in the dark.
    if (error instanceof Stripe.errors.StripeError) await tellGuest(resources, alterationId);
    throw error;
  }
  await tellGuest(resources, alterationId);
};

async function tellGuest({ pool }: Resources, alterationId: string): Promise<void> {
  await pool.query("select app_private.note_charge_failed($1)", [alterationId]);
}

/** Charges a card for what a booking waits for; false where that was refused. */
async function charge(
  resources: Resources,
  userId: string,
  bookingId: string,
  cardId: string,
): Promise<boolean> {
  const payment = await beginPayment(resources, { userId }, bookingId);
  const intent = await intentOf(resources, payment, userId, resources.stripe.jobs);
  if (!/^requires_(payment_method|confirmation)$/.test(intent.status)) {
    await applyPaymentIntent(resources, intent);
    // The next try makes the next attempt.
    if (intent.status === "canceled") throw new Error("The intent was cancelled at Stripe.");
    return true;
  }
  try {
    await applyPaymentIntent(resources, await confirm(resources, payment, intent.id, cardId));
    return true;
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError && isRefusal(error))) throw error;
    resources.logger.warn({ intentId: intent.id, code: error.code }, "a saved card was refused");
    await followPaymentIntent(resources, intent.id);
    return false;
  }
}

async function confirm(
  { config, stripe }: Resources,
  payment: BegunPayment,
  intentId: string,
  cardId: string,
): Promise<Stripe.PaymentIntent> {
  return await stripe.jobs.paymentIntents.confirm(
    intentId,
    {
      payment_method: cardId,
      off_session: true,
      return_url: config.http.publicUrl,
      expand: ["latest_charge"],
    },
    { idempotencyKey: `charge:${payment.id}:${payment.attempt}:${cardId}` },
  );
}
