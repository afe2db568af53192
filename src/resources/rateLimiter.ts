/**
 * Counts how often a key was used in a window, shared by all processes through Redis, and by this
 * process alone while Redis is away, or where there is none. It only counts: which limits there are
 * and what a client is told belongs to src/rest.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { RedisStore } from "./redis.ts";

export interface RateLimit {
  /** Names the limit, for example `sign-in`; limits of different names do not share counts. */
  readonly name: string;
  /** How many points a key has in each window. */
  readonly points: number;
  /** The length of the window. */
  readonly seconds: number;
}

export interface RateLimitOutcome {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the window ends, at least 1. */
  readonly resetSeconds: number;
}

export interface RateLimiter {
  /** Takes points from a key. Never throws, also when Redis is away. */
  consume(key: string, points?: number): Promise<RateLimitOutcome>;
  /** Gives a point back to a key: the try has shown that it was honest. */
  giveBack(key: string): Promise<void>;
  /** Forgets what a key has used, for example after a successful sign-in. */
  reset(key: string): Promise<void>;
}

/**
 * The limiters on `store`, one for each name: while Redis is away the counts are in the limiter,
 * so a second one of the same name would begin again at nothing. They own nothing to close.
 */
export function createRateLimiters(
  store: RedisStore | undefined,
): (limit: RateLimit) => RateLimiter {
  const made = new Map<string, RateLimiter>();
  return (limit) => {
    const limiter =
      made.get(limit.name) ??
      (store === undefined ? createLocalLimiter(limit) : createSharedLimiter(store, limit));
    made.set(limit.name, limiter);
    return limiter;
  };
}

function createLocalLimiter(limit: RateLimit): RateLimiter {
  const counts = new RateLimiterMemory(optionsOf(limit));
  return {
    consume: async (key, points = 1) =>
      outcomeOf(limit, await settle(counts.consume(bucket(key), points))),
    giveBack: async (key) => void (await counts.reward(bucket(key), 1)),
    reset: async (key) => void (await counts.delete(bucket(key))),
  };
}

function createSharedLimiter(store: RedisStore, limit: RateLimit): RateLimiter {
  const options = optionsOf(limit);
  const shared = new RateLimiterRedis({ ...options, storeClient: store.client });
  // What this process knows of the counts, to go on from while Redis does not answer, and what
  // Redis has not been told: a request that it missed must not have been for nothing.
  const known = new RateLimiterMemory(options);
  const owed = new RateLimiterMemory(options);
  return {
    consume: async (key, points = 1) => {
      const here = bucket(key);
      const debt = (await owed.get(here))?.consumedPoints ?? 0;
      const outcome = await store.attempt(() => settle(shared.consume(hash(key), points + debt)));
      if (outcome.ok) {
        const { consumedPoints, msBeforeNext } = outcome.value;
        await owed.delete(here);
        await known.set(here, consumedPoints, Math.max(1, Math.ceil(msBeforeNext / 1000)));
      } else {
        await settle(owed.consume(here, points));
      }
      const result = outcome.ok ? outcome.value : await settle(known.consume(here, points));
      return outcomeOf(limit, result);
    },
    giveBack: async (key) => {
      const outcome = await store.attempt(() => shared.reward(hash(key), 1));
      if (!outcome.ok) await owed.reward(bucket(key), 1);
      await known.reward(bucket(key), 1);
    },
    reset: async (key) => {
      const here = bucket(key);
      await Promise.all([known.delete(here), owed.delete(here)]);
      await store.attempt(() => shared.delete(hash(key)));
    },
  };
}

function optionsOf({ name, points, seconds }: RateLimit) {
  return { keyPrefix: `staybase:limit:${name}`, points, duration: seconds };
}

function outcomeOf(limit: RateLimit, counted: RateLimiterRes): RateLimitOutcome {
  return {
    allowed: counted.consumedPoints <= limit.points,
    limit: limit.points,
    remaining: Math.max(0, limit.points - counted.consumedPoints),
    resetSeconds: Math.max(1, Math.ceil(counted.msBeforeNext / 1000)),
  };
}

/** The library rejects with a result when a limit is passed; only real failures may reject here. */
async function settle(consumed: Promise<RateLimiterRes>): Promise<RateLimiterRes> {
  try {
    return await consumed;
  } catch (error) {
    if (error instanceof RateLimiterRes) return error;
    throw error;
  }
}

/** Keys hold addresses and mail addresses: neither belongs in Redis, and both have any length. */
function hash(key: string): string {
  return createHash("sha256").update(key).digest("base64url");
}

/** Drawn anew by each process, so that nobody can find keys that share a name with another's. */
const BUCKET_KEY = randomBytes(16);

/**
 * One of 131,072 names. It bounds the memory of a process whatever an attacker invents; that two
 * keys share a name within one window is rare, and then they share the points.
 */
function bucket(key: string): string {
  const digest = createHmac("sha256", BUCKET_KEY).update(key).digest();
  return String(digest.readUInt32BE(0) % 131_072);
}
