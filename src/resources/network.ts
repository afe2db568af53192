/** From where somebody asks: what counts as one address for limits, and is noted of a sign-in. */
import { isIPv6 } from "node:net";

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
