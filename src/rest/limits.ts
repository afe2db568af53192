/**
 * How often something may be tried: all limits on one page. The counting is done by the resource;
 * what a try is, the operations know.
 */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import type { RateLimit, RateLimitOutcome } from "../resources/rateLimiter.ts";

const TEN_MINUTES = 600;

const LIMITS = {
  signInNetwork: { name: "sign-in-network", points: 100, seconds: TEN_MINUTES },
  /** One address and one account: somebody who guesses cannot keep the owner out from elsewhere. */
  signInPair: { name: "sign-in-pair", points: 10, seconds: TEN_MINUTES },
  /** One account from all networks together: so slow is whoever guesses from everywhere. */
  signInAccount: { name: "sign-in-account", points: 100, seconds: 3600 },
  /** Mails that one network causes: to all, and to one mailbox. */
  mailNetwork: { name: "mail-network", points: 100, seconds: TEN_MINUTES },
  mailPair: { name: "mail-pair", points: 10, seconds: TEN_MINUTES },
  confirmAddress: { name: "confirm-address", points: 100, seconds: TEN_MINUTES },
  /** Passwords tried on one mailed link. */
  confirmToken: { name: "confirm-token", points: 10, seconds: TEN_MINUTES },
  /** Mailed links that are tried. */
  linkNetwork: { name: "link-network", points: 100, seconds: TEN_MINUTES },
  /** Steps of signing in with a provider, of which there are three. */
  oidcNetwork: { name: "oidc-network", points: 300, seconds: TEN_MINUTES },
  /** The password of somebody who is signed in. */
  passwordUser: { name: "password-user", points: 10, seconds: TEN_MINUTES },
  /** Codes of a second factor: from one network, and from everywhere. */
  codeNetwork: { name: "code-network", points: 10, seconds: TEN_MINUTES },
  codeUser: { name: "code-user", points: 30, seconds: 3600 },
  refreshAddress: { name: "refresh-address", points: 300, seconds: TEN_MINUTES },
  paymentUser: { name: "payment-user", points: 60, seconds: TEN_MINUTES },
} as const satisfies Record<string, RateLimit>;

type LimitName = keyof typeof LIMITS;

/**
 * Counts a try.
 * @throws {ApiError} RATE_LIMITED, with the seconds to wait as details
 */
export async function limitTries(
  resources: Resources,
  limit: LimitName,
  key: string,
): Promise<void> {
  const outcome = await countTry(resources, limit, key);
  if (!outcome.allowed) throw tooManyTries(outcome);
}

/** Counts a try, and leaves it to the caller what follows. */
export function countTry(
  resources: Resources,
  limit: LimitName,
  key: string,
): Promise<RateLimitOutcome> {
  return resources.rateLimiter(LIMITS[limit]).consume(key);
}

export function tooManyTries({ resetSeconds }: RateLimitOutcome): ApiError {
  return new ApiError("RATE_LIMITED", `Too many tries. Wait ${resetSeconds} seconds.`, {
    details: { retryAfterSeconds: resetSeconds },
  });
}

/** Takes a try back from the count, for only failures count. */
export async function takeBackTry(
  resources: Resources,
  limit: LimitName,
  key: string,
): Promise<void> {
  await resources.rateLimiter(LIMITS[limit]).giveBack(key);
}

/**
 * Counts a mail that somebody causes to an address which need not be theirs. Who asks is limited,
 * and not the address that they name: else strangers could keep its owner from being mailed.
 * @throws {ApiError} RATE_LIMITED
 */
export async function limitMails(
  resources: Resources,
  network: string,
  email: string,
): Promise<void> {
  await limitTries(resources, "mailNetwork", network);
  await limitTries(resources, "mailPair", `${network} ${email}`);
}

/** Forgets the tries of a key: the last one has shown that they were honest. */
export async function forgetTries(
  resources: Resources,
  limit: LimitName,
  key: string,
): Promise<void> {
  await resources.rateLimiter(LIMITS[limit]).reset(key);
}
