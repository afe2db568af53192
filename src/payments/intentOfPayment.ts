/**
 * The intent of this attempt of a payment: the one that was noted, as it is now, or a new one, made
 * under a key of the payment's id and attempt.
 */
import { ExponentialBackoff, handleWhen, retry } from "cockatiel";
import type { Stripe } from "stripe";
import type { Resources } from "../resources/index.ts";
import { isBusy } from "../resources/stripe.ts";

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

/** While a request with the same key runs, Stripe refuses others: they wait for the first. */
const patience = retry(handleWhen(isBusy), {
  maxAttempts: 12,
  backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1000 }),
});

/** @throws {Stripe.errors.StripeError} */
export async function intentOf(
  resources: Resources,
  payment: BegunPayment,
  userId: string,
): Promise<Stripe.PaymentIntent> {
  const { paymentIntents } = resources.stripe.requests;
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

/** Who the guest is to Stripe, from the first intent on: it cannot be added to a past one. */
async function customerOf(resources: Resources, userId: string): Promise<string> {
  const known = await resources.pool.query<{ id: string | null }>(
    "select app_private.stripe_customer_of($1) as id",
    [userId],
  );
  if (known.rows[0]?.id != null) return known.rows[0].id;
  const made = await patience.execute(() =>
    resources.stripe.requests.customers.create(
      { metadata: { user_id: userId } },
      { idempotencyKey: `customer:${userId}` },
    ),
  );
  const { rows } = await resources.pool.query<{ id: string }>(
    "select app_private.note_stripe_customer($1, $2) as id",
    [userId, made.id],
  );
  return rows[0]?.id ?? made.id;
}
