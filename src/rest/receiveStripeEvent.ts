/**
 * POST /v1/webhooks/stripe: checks the signature over the bytes as they came, stores the event with
 * its job in one transaction, and answers. A 2xx is never a lie: what was acknowledged is stored.
 */
import { Stripe } from "stripe";
import { ApiError } from "../errors.ts";
import { storeEvent } from "../payments/stripeEvents.ts";
import type { Resources } from "../resources/index.ts";
import type { RestHandler } from "./handler.ts";

/** Seconds that Stripe's clock and ours may differ; older and newer signatures are refused. */
const TOLERANCE_SECONDS = 300;

export const receiveStripeEvent: RestHandler = async (resources, request) => {
  const body = verifiedBody(resources, request.body, request.header("stripe-signature"));
  await storeEvent(resources, body.toString());
  return { status: 200, body: { received: true } };
};

function verifiedBody(resources: Resources, body: unknown, signature: string | undefined): Buffer {
  if (!Buffer.isBuffer(body) || signature === undefined) {
    throw new ApiError("SIGNATURE_INVALID", "The Stripe-Signature header is missing.");
  }
  // The SDK accepts any time in the future: a stolen secret could sign ahead for years.
  const timestamp = signedAt(signature);
  if (timestamp === undefined || timestamp > Date.now() / 1000 + TOLERANCE_SECONDS) {
    throw new ApiError("SIGNATURE_INVALID");
  }
  const { signature: helper } = Stripe.webhooks;
  // Its type allows none: what cannot be checked is not let in.
  if (helper === null) throw new Error("The SDK of Stripe cannot check signatures.");
  const causes: unknown[] = [];
  for (const secret of resources.config.stripe.webhookSecrets) {
    try {
      helper.verifyHeader(body, signature, secret, TOLERANCE_SECONDS);
      return body;
    } catch (error) {
      causes.push(error);
    }
  }
  throw new ApiError("SIGNATURE_INVALID", undefined, { cause: causes.at(-1) });
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
