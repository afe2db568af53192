/**
 * Asks Stripe for the events that it could not deliver, and keeps them as if they had come: the net
 * under what no row of ours is open for, such as a refund that somebody made at Stripe.
 */
import { storeEvent } from "../payments/stripeEvents.ts";
import { FOLLOWED_EVENTS } from "./processStripeEvent.ts";
import type { Job } from "./task.ts";

/** Stripe itself tries for three days. */
const SECONDS_BACK = 3 * 86_400;

/** More than this many mean that the endpoint is not set up; the next run takes the rest. */
const MOST_EVENTS = 1000;

export const recoverEvents: Job = async (resources) => {
  const lost = await resources.stripe.jobs.events
    .list({
      delivery_success: false,
      types: Object.keys(FOLLOWED_EVENTS),
      created: { gte: Math.floor(Date.now() / 1000) - SECONDS_BACK },
      limit: 100,
    })
    .autoPagingToArray({ limit: MOST_EVENTS });
  let kept = 0;
  // The oldest first. What is on its way right now is among them, and is kept once.
  for (const event of lost.reverse()) {
    if (await storeEvent(resources, JSON.stringify(event))) kept += 1;
  }
  if (kept > 0) {
    resources.logger.warn({ kept }, "events of Stripe were lost on their way, and asked for");
  }
};
