/**
 * How often something may be tried: all limits on one page, and what counts as one address. The
 * counting is done by the resource; what a try is, the operations know.
 */
import { isIPv6 } from "node:net";
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import type { RateLimit } from "../resources/rateLimiter.ts";

const TEN_MINUTES = 600;

const LIMITS = {
  signInAddress: { name: "sign-in-address", points: 100, seconds: TEN_MINUTES },
  /** One address and one account: somebody who guesses cannot keep the owner out from elsewhere. */
  signInPair: { name: "sign-in-pair", points: 10, seconds: TEN_MINUTES },
  /** One account from all addresses together, of which no single one can use up the hundred. */
  signInAccount: { name: "sign-in-account", points: 100, seconds: TEN_MINUTES },
  registerAddress: { name: "register-address", points: 100, seconds: TEN_MINUTES },
  /** One mailbox from all addresses together: each try sends it a mail that may be unwanted. */
  registerAccount: { name: "register-account", points: 10, seconds: TEN_MINUTES },
  confirmAddress: { name: "confirm-address", points: 100, seconds: TEN_MINUTES },
  /** Passwords tried on one mailed link. */
  confirmToken: { name: "confirm-token", points: 10, seconds: TEN_MINUTES },
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
  const outcome = await resources.rateLimiter(LIMITS[limit]).consume(key);
  if (outcome.allowed) return;
  throw new ApiError("RATE_LIMITED", `Too many tries. Wait ${outcome.resetSeconds} seconds.`, {
    details: { retryAfterSeconds: outcome.resetSeconds },
  });
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
