/**
 * Asks Stripe for the events that it could not deliver, and keeps them as if they had come: the net
 * under what no row of ours is open for, such as a refund that somebody made at Stripe.
 */
import { storeEvent } from "../payments/stripeEvents.ts";
import { FOLLOWED_EVENTS } from "./processStripeEvent.ts";
import type { Job } from "./task.ts";

/** Stripe itself tries for three days. */
const SECONDS_BACK = 3 * 86_400;

export const recoverEvents: Job = async (resources) => {
  const lost = resources.stripe.jobs.events.list({
    delivery_success: false,
    types: Object.keys(FOLLOWED_EVENTS),
    created: { gte: Math.floor(Date.now() / 1000) - SECONDS_BACK },
    limit: 100,
  });
  let kept = 0;
  // All of them, for what was kept already is listed again, before what is older. What is on its
  // way right now is among them, too. Their order does not matter.
  for await (const event of lost) {
    if (await storeEvent(resources, JSON.stringify(event))) kept += 1;
  }
  if (kept > 0) {
    resources.logger.warn({ kept }, "events of Stripe were lost on their way, and asked for");
  }
};
