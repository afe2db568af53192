/** DELETE /v1/payment-methods/{paymentMethodId}: a card is kept no longer. */
import { ApiError } from "../errors.ts";
import { removeCard } from "../payments/customers.ts";
import { stripeApiError } from "../resources/stripe.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries } from "./limits.ts";

export const removePaymentMethod: RestHandler = async (resources, request) => {
  if (request.viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  const { userId } = request.viewer;
  await limitTries(resources, "paymentUser", userId);
  const { paymentMethodId = "" } = request.params;
  const wasKept = await removeCard(resources, userId, paymentMethodId).catch((error: unknown) => {
    throw stripeApiError(error);
  });
  if (!wasKept) throw new ApiError("PAYMENT_METHOD_NOT_FOUND");
  return { status: 204 };
};
