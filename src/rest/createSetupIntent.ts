/** POST /v1/setup-intents: what a browser needs to keep a card for its guest. */
import { ApiError } from "../errors.ts";
import { setUpCard } from "../payments/customers.ts";
import { stripeApiError } from "../resources/stripe.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries } from "./limits.ts";

export const createSetupIntent: RestHandler = async (resources, request) => {
  if (request.viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  const { userId } = request.viewer;
  await limitTries(resources, "paymentUser", userId);
  // One intention is one SetupIntent, also where its answer was lost.
  const key = request.header("idempotency-key") ?? "";
  const setup = await setUpCard(resources, userId, key).catch((error: unknown) => {
    throw stripeApiError(error);
  });
  if (setup.client_secret === null) throw new ApiError("PAYMENT_PROVIDER");
  return {
    status: 200,
    body: {
      stripeSetupIntentId: setup.id,
      clientSecret: setup.client_secret,
      publishableKey: resources.config.stripe.publishableKey,
    },
  };
};
