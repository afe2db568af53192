/**
 * The intent of this attempt of a payment: the one that was noted, as it is now, or a new one, made
 * under a key of the payment's id and attempt.
 */
import type { Stripe } from "stripe";
import type { Resources } from "../resources/index.ts";
import { customerOf } from "./customers.ts";
import { patience } from "./patience.ts";

/** A payment that the database has begun. */
export interface BegunPayment {
  readonly id: string;
  readonly booking_id: string;
  readonly currency: string;
  /** Minor units. */
  readonly amount: string;
  readonly attempt: number;
  readonly stripe_payment_intent_id: string | null;
  readonly capture_method: "automatic" | "manual";
}

/** @throws {Stripe.errors.StripeError} */
export async function intentOf(
  resources: Resources,
  payment: BegunPayment,
  userId: string,
  stripe: Stripe = resources.stripe.requests,
): Promise<Stripe.PaymentIntent> {
  const { paymentIntents } = stripe;
  if (payment.stripe_payment_intent_id !== null) {
    return paymentIntents.retrieve(payment.stripe_payment_intent_id, {
      expand: ["latest_charge"],
    });
  }
  const customer = await customerOf(resources, userId);
  const intent = await patience.execute(() =>
    paymentIntents.create(
      {
        amount: Number(payment.amount),
        currency: payment.currency.toLowerCase(),
        automatic_payment_methods: { enabled: true },
        capture_method: payment.capture_method,
        customer,
        transfer_group: payment.booking_id,
        metadata: { booking_id: payment.booking_id, payment_id: payment.id },
      },
      { idempotencyKey: `payment:${payment.id}:${payment.attempt}` },
    ),
  );
  await resources.pool.query("select app_private.attach_payment_intent($1, $2)", [
    payment.id,
    intent.id,
  ]);
  return intent;
}

/**
 * Says whether what the intent is paid with is kept for later. It is said of the intent that is
 * there, and not where it is made: its key has one request.
 * @throws {Stripe.errors.StripeError}
 */
export async function keepMeans(
  { stripe }: Resources,
  intent: Stripe.PaymentIntent,
  isKept: boolean,
): Promise<Stripe.PaymentIntent> {
  // At the bank it is too late to say so.
  const isOpen = /^requires_(payment_method|confirmation)$/.test(intent.status);
  if (!isOpen || (intent.setup_future_usage !== null) === isKept) return intent;
  // Without a key: to say it twice is harmless, and to say the contrary later has to be heard.
  return await stripe.requests.paymentIntents.update(intent.id, {
    setup_future_usage: isKept ? "off_session" : "",
  });
}
