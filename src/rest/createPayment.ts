/**
 * POST /v1/bookings/{bookingId}/payment: the PaymentIntent of a booking. The database says what is
 * to be paid, in one transaction; then Stripe is asked, with the payment's id and attempt as
 * idempotency key; then its answer is noted, and followed. So no lock is held while Stripe thinks,
 * any number of repeats make one charge, and whoever asks sees where the payment is.
 */
import type { Stripe } from "stripe";
import { ApiError } from "../errors.ts";
import { beginPayment } from "../payments/beginPayment.ts";
import { type BegunPayment, intentOf, keepMeans } from "../payments/intentOfPayment.ts";
import { applyPaymentIntent } from "../payments/paymentIntents.ts";
import type { Resources } from "../resources/index.ts";
import { isKeptFailure, stripeApiError } from "../resources/stripe.ts";
import { memberOf } from "../values.ts";
import type { RestHandler, RestRequest } from "./handler.ts";
import { limitTries } from "./limits.ts";

export const createPayment: RestHandler = async (resources, request) => {
  if (request.viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  await limitTries(resources, "paymentUser", request.viewer.userId);
  const [payment, made] = await askStripe(resources, request, request.viewer.userId).catch(explain);
  const save = memberOf(request.body, "savePaymentMethod");
  const intent =
    typeof save === "boolean" ? await keepMeans(resources, made, save).catch(explain) : made;
  if (intent.client_secret === null) throw new ApiError("PAYMENT_PROVIDER");
  await applyPaymentIntent(resources, intent);
  const { rows } = await resources.pool.query<{ status: string }>(
    "select status from app_private.payment_for_job($1)",
    [payment.id],
  );
  return {
    status: 200,
    body: {
      id: payment.id,
      bookingId: payment.booking_id,
      status: rows[0]?.status,
      amount: payment.amount,
      currency: payment.currency,
      captureMethod: payment.capture_method,
      stripePaymentIntentId: intent.id,
      clientSecret: intent.client_secret,
      publishableKey: resources.config.stripe.publishableKey,
    },
  };
};

/**
 * The payment as it is, and its intent at Stripe. An intent that was cancelled there, or a failure
 * that Stripe keeps under the key of an attempt, starts the next attempt: once a request.
 */
async function askStripe(
  resources: Resources,
  request: RestRequest,
  userId: string,
): Promise<[BegunPayment, Stripe.PaymentIntent]> {
  const begin = () => beginPayment(resources, request.viewer ?? {}, request.params.bookingId);
  const payment = await begin();
  try {
    const intent = await intentOf(resources, payment, userId);
    if (intent.status !== "canceled") return [payment, intent];
    await applyPaymentIntent(resources, intent);
  } catch (error) {
    if (!isKeptFailure(error)) throw error;
    await resources.pool.query("select app_private.give_up_attempt($1, $2)", [
      payment.id,
      payment.attempt,
    ]);
  }
  const next = await begin();
  return [next, await intentOf(resources, next, userId)];
}

/** That Stripe does not know an intent is final, too: it may be of another account, and paid. */
function explain(error: unknown): never {
  throw stripeApiError(error);
}
