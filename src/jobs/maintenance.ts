/**
 * What the clock causes: holds that end, stays that are over, and what may be forgotten. `index.ts`
 * says when.
 */
import type { Job } from "./task.ts";

/** More than this many rounds in one run mean that something else is wrong. */
const MOST_ROUNDS = 200;

/** Runs a statement whose column `done` counts what it did, until that is 0. */
export function repeatUntilZero(statement: string): Job {
  return async (resources) => {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const { rows } = await resources.pool.query<{ done: number }>(statement);
      if ((rows[0]?.done ?? 0) === 0) return;
    }
  };
}

const endHolds = repeatUntilZero("select app_private.expire_holds() as done");
const endAlterations = repeatUntilZero("select app_private.end_alterations() as done");

/** Frees the nights of holds that nobody paid in time, and ends changes that nobody answered. */
export const expireHolds: Job = async (resources, payload) => {
  await endHolds(resources, payload);
  await endAlterations(resources, payload);
};

const completeBatches = repeatUntilZero("select app_private.complete_stays() as done");

/**
 * Completes confirmed bookings from their check-out day on.
 * @throws when some are left, because somebody held them or they failed: the worker comes again in
 * seconds, the clock only in an hour
 */
export const completeStays: Job = async (resources, payload) => {
  await completeBatches(resources, payload);
  const { rows } = await resources.pool.query<{ count: string }>(
    "select app_private.count_stays_to_complete() as count",
  );
  const left = Number(rows[0]?.count);
  if (left > 0) throw new Error(`Stays that are over and not completed: ${left}.`);
};

/** Counts the least price of listings anew where a day has begun. */
export const ageFloors: Job = async (resources) => {
  await resources.pool.query("select app_private.age_search_floors()");
};

/** Looks after payments and events whose news may have been lost. */
export const requeueStaleStripe: Job = async (resources) => {
  await resources.pool.query("select app_private.requeue_stale_stripe()");
};

const purgeQuotes = repeatUntilZero("select app_private.purge_quotes() as done");
const purgeKeys = repeatUntilZero("select app_private.purge_idempotency_keys() as done");
const purgeEvents = repeatUntilZero("select app_private.purge_events() as done");
const purgeStripeEvents = repeatUntilZero("select app_private.purge_stripe_events() as done");
const purgeMails = repeatUntilZero("select app_private.purge_mails() as done");

/**
 * Forgets what is past its time (docs/retention.md), and sees to it
 * that Stripe forgets former members.
 */
export const purgeExpired: Job = async (resources, payload) => {
  await resources.pool.query("select app_private.purge_expired_identity()");
  await purgeKeys(resources, payload);
  await purgeEvents(resources, payload);
  await purgeStripeEvents(resources, payload);
  await purgeQuotes(resources, payload);
  await purgeMails(resources, payload);
  await resources.pool.query("select app_private.purge_exports()");
  await resources.pool.query("select app_private.requeue_erasures()");
};
