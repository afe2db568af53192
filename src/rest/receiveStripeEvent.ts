/**
 * POST /v1/webhooks/stripe: checks the signature over the bytes as they came, stores the event with
 * its job in one transaction, and answers. A 2xx is never a lie: what was acknowledged is stored.
 */
import type { Stripe } from "stripe";
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import type { RestHandler } from "./handler.ts";

/** Seconds that Stripe's clock and ours may differ; older and newer signatures are refused. */
const TOLERANCE_SECONDS = 300;

export const receiveStripeEvent: RestHandler = async (resources, request) => {
  const event = verifiedEvent(resources, request.body, request.header("stripe-signature"));
  const { rows } = await resources.pool.query<{ stored: boolean }>(
    "select app_private.store_stripe_event($1, $2, $3, $4) as stored",
    [event.id, event.type, objectId(event), JSON.stringify(event)],
  );
  const stored = rows[0]?.stored ?? false;
  resources.logger.info({ eventId: event.id, type: event.type, stored }, "event from Stripe");
  return { status: 200, body: { received: true } };
};

function verifiedEvent(
  resources: Resources,
  body: unknown,
  signature: string | undefined,
): Stripe.Event {
  if (!Buffer.isBuffer(body) || signature === undefined) {
    throw new ApiError("SIGNATURE_INVALID", "The Stripe-Signature header is missing.");
  }
  // The SDK accepts any time in the future: a stolen secret could sign ahead for years.
  const timestamp = signedAt(signature);
  if (timestamp === undefined || timestamp > Date.now() / 1000 + TOLERANCE_SECONDS) {
    throw new ApiError("SIGNATURE_INVALID");
  }
  try {
    return resources.stripe.requests.webhooks.constructEvent(
      body,
      signature,
      resources.config.stripe.webhookSecret,
      TOLERANCE_SECONDS,
    );
  } catch (error) {
    throw new ApiError("SIGNATURE_INVALID", undefined, { cause: error });
  }
}

/**
 * The seconds that the signature is over. Stripe sends one `t`; of several the SDK believes the
 * last, so a header that has more is not looked at any further.
 */
function signedAt(signature: string): number | undefined {
  const times = signature.split(",").filter((item) => item.split("=", 1)[0]?.trim() === "t");
  const digits = times.length === 1 ? /^t=(\d+)$/.exec(times[0] ?? "")?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
}

function objectId(event: Stripe.Event): string | null {
  const { object } = event.data;
  return "id" in object && typeof object.id === "string" ? object.id : null;
}
