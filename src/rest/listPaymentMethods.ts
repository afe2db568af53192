/** GET /v1/payment-methods: the cards that whoever is signed in has kept at Stripe. */
import { ApiError } from "../errors.ts";
import { keptCardsOf } from "../payments/customers.ts";
import { stripeApiError } from "../resources/stripe.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries } from "./limits.ts";

export const listPaymentMethods: RestHandler = async (resources, request) => {
  if (request.viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  const { userId } = request.viewer;
  await limitTries(resources, "paymentUser", userId);
  const kept = await keptCardsOf(resources, resources.stripe.requests, userId).catch(
    (error: unknown) => {
      throw stripeApiError(error);
    },
  );
  const paymentMethods = kept.flatMap(({ id, card }) =>
    card == null
      ? []
      : {
          ...{ id, brand: card.brand, last4: card.last4 },
          ...{ expiryMonth: card.exp_month, expiryYear: card.exp_year },
        },
  );
  return { status: 200, body: { paymentMethods } };
};
