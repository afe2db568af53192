/**
 * Acts on a stored event. Stripe delivers in any order and more than once, so the object is fetched
 * anew and the database moves forward to where it is, or stays.
 */

import { followPaymentIntent } from "../payments/paymentIntents.ts";
import type { Resources } from "../resources/index.ts";
import { isUnknown } from "../resources/stripe.ts";
import { applyRefund } from "./applyRefund.ts";
import { applyRefundsOf } from "./createRefund.ts";
import { type Job, payloadText } from "./task.ts";

interface StoredEvent {
  readonly type: string | null;
  readonly object_id: string | null;
  readonly is_processed: boolean;
}

export const processStripeEvent: Job = async (resources, payload) => {
  const eventId = payloadText(payload, "eventId");
  const { rows } = await resources.pool.query<StoredEvent>(
    "select type, object_id, is_processed from app_private.stripe_event($1)",
    [eventId],
  );
  const [event] = rows;
  if (event?.type == null || event.is_processed) return;
  // An empty id would ask Stripe for a list.
  if (event.object_id) await act(resources, event.type, event.object_id);
  await resources.pool.query("select app_private.mark_stripe_event_processed($1)", [eventId]);
};

async function act(resources: Resources, type: string, objectId: string): Promise<void> {
  const follow = FOLLOWED_EVENTS[type];
  if (follow === undefined) return;
  try {
    await follow(resources, objectId);
  } catch (error) {
    // What Stripe does not know is not ours: an event of another account or of a test.
    if (!isUnknown(error)) throw error;
    resources.logger.warn({ type, objectId }, "Stripe does not know the object of an event");
  }
}

type Follower = (resources: Resources, objectId: string) => Promise<void>;

const followRefund: Follower = async (resources, refundId) =>
  applyRefund(resources, await resources.stripe.jobs.refunds.retrieve(refundId));

const followRefundsOfCharge: Follower = async (resources, chargeId) => {
  const { payment_intent: intent } = await resources.stripe.jobs.charges.retrieve(chargeId);
  if (typeof intent === "string") await applyRefundsOf(resources, intent);
};

/**
 * What the webhook endpoint subscribes to, and what becomes of each. Whatever else comes is kept in
 * the inbox and needs nothing done.
 */
export const FOLLOWED_EVENTS: Readonly<Record<string, Follower>> = {
  "payment_intent.amount_capturable_updated": followPaymentIntent,
  "payment_intent.canceled": followPaymentIntent,
  "payment_intent.payment_failed": followPaymentIntent,
  "payment_intent.processing": followPaymentIntent,
  "payment_intent.requires_action": followPaymentIntent,
  "payment_intent.succeeded": followPaymentIntent,
  "charge.refunded": followRefundsOfCharge,
  "refund.created": followRefund,
  "refund.failed": followRefund,
  "refund.updated": followRefund,
};
