/**
 * How often something may be tried: all limits on one page, and what counts as one address. The
 * counting is done by the resource; what a try is, the operations know.
 */
import { isIPv6 } from "node:net";
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
  /** The password of somebody who is signed in. */
  passwordUser: { name: "password-user", points: 10, seconds: TEN_MINUTES },
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
export async function limitMails(resources: Resources, ip: string, email: string): Promise<void> {
  const network = networkOf(ip);
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

/**
 * What counts as one address: an IPv4 address, also where it is written as IPv6 (`::ffff:1.2.3.4`),
 * and of an IPv6 address its first 64 bits, for a subscriber has all of the rest (RFC 6177).
 */
export function networkOf(ip: string): string {
  // A zone (`fe80::1%eth0`) says which wire it came by, not who sent it.
  const [address = ""] = ip.split("%", 1);
  if (!isIPv6(address)) return address;
  const groups = groupsOf(address);
  if (groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff") {
    const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16));
    return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** The eight groups of an IPv6 address, in the one spelling that the URL standard gives them. */
function groupsOf(address: string): string[] {
  const spelled = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [before = "", after] = spelled.split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => "0"), ...tail];
}
