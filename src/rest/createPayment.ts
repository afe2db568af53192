/**
 * POST /v1/bookings/{bookingId}/payment: the PaymentIntent of a booking. The database says what is
 * to be paid, in one transaction; then Stripe is asked, with the payment's id as idempotency key;
 * then its answer is noted. So no lock is held while Stripe thinks, and any number of repeats make
 * one charge.
 */
import { Stripe } from "stripe";
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { retryable, withTransaction } from "../resources/postgres.ts";
import { isRefusal } from "../resources/stripe.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries } from "./limits.ts";

interface PaymentRow {
  readonly id: string;
  readonly booking_id: string;
  readonly status: string;
  readonly currency: string;
  readonly amount: string;
  readonly stripe_payment_intent_id: string | null;
  readonly capture_method: "automatic" | "manual";
}

export const createPayment: RestHandler = async (resources, request) => {
  const { viewer } = request;
  if (viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  await limitTries(resources, "paymentUser", viewer.userId);
  const payment = await retryable(() =>
    withTransaction(resources.pool, { claims: viewer }, async (client) => {
      const { rows } = await client.query<PaymentRow>(
        `select id, booking_id, status, currency, amount, stripe_payment_intent_id,
           capture_method
         from app_private.begin_payment($1)`,
        [request.params.bookingId],
      );
      return rows[0];
    }),
  );
  if (payment === undefined) throw new ApiError("BOOKING_NOT_FOUND");

  const intent = await intentOf(resources, payment);
  if (intent.client_secret === null) throw new ApiError("PAYMENT_PROVIDER");
  if (payment.stripe_payment_intent_id === null) {
    await resources.pool.query("select app_private.attach_payment_intent($1, $2)", [
      payment.id,
      intent.id,
    ]);
  }
  return {
    status: 200,
    body: {
      id: payment.id,
      bookingId: payment.booking_id,
      status: payment.status,
      amount: Number(payment.amount),
      currency: payment.currency,
      captureMethod: payment.capture_method,
      stripePaymentIntentId: intent.id,
      clientSecret: intent.client_secret,
      publishableKey: resources.config.stripe.publishableKey,
    },
  };
};

/**
 * A time-out or a 5xx says nothing of what happened: the client repeats, and the key finds it. A
 * refusal is final, also that Stripe does not know the intent: we make no second one then, for the
 * first may be of another account, and paid.
 */
async function intentOf(resources: Resources, payment: PaymentRow): Promise<Stripe.PaymentIntent> {
  const { paymentIntents } = resources.stripe.requests;
  try {
    if (payment.stripe_payment_intent_id !== null) {
      return await paymentIntents.retrieve(payment.stripe_payment_intent_id);
    }
    return await paymentIntents.create(
      {
        amount: Number(payment.amount),
        currency: payment.currency.toLowerCase(),
        automatic_payment_methods: { enabled: true },
        capture_method: payment.capture_method,
        transfer_group: payment.booking_id,
        metadata: { booking_id: payment.booking_id, payment_id: payment.id },
      },
      { idempotencyKey: `payment:${payment.id}` },
    );
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    const code = isRefusal(error) ? "PAYMENT_REFUSED" : "PAYMENT_PROVIDER";
    throw new ApiError(code, undefined, { cause: error });
  }
}
