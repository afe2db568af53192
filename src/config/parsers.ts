/**
 * Reads the text of a variable into its value. A parser refuses with a sentence that says what the
 * text must be.
 */
import { BlockList, isIP } from "node:net";

/** What a parser throws; its message is the fault's sentence and must not hold a secret. */
export class Refusal extends Error {}

/** `false`: trust nobody; a number: that many proxies in front; a list: their addresses. */
export type TrustProxy = false | number | string[];

export function oneOf<T extends string>(...choices: T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) throw new Refusal(`must be one of ${choices.join(", ")}.`);
    return choice;
  };
}

export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new Refusal(`must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** One or two keys of 32 bytes in base64, parted by a comma. */
export function sealingKeys(text: string): readonly string[] {
  const keys = list(text);
  const isKey = (key: string): boolean =>
    /^[A-Za-z0-9+/]{43}=$/.test(key) && Buffer.from(key, "base64").length === 32;
  if (keys.length > 2 || keys.length === 0 || !keys.every(isKey)) {
    throw new Refusal("must be one or two keys of 32 bytes in base64: openssl rand -base64 32.");
  }
  if (new Set(keys).size < keys.length) throw new Refusal("holds the same key twice.");
  return keys;
}

export function boolean(text: string): boolean {
  if (["true", "1", "yes"].includes(text.toLowerCase())) return true;
  if (["false", "0", "no"].includes(text.toLowerCase())) return false;
  throw new Refusal("must be true or false.");
}

export function list(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

export function hosts(text: string): readonly string[] {
  if (text === "localhost") return ["127.0.0.1", "::1"];
  const name = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
  if (isIP(text) === 0 && !name.test(text)) {
    throw new Refusal("must be an address of this machine, such as localhost or 0.0.0.0.");
  }
  return [text];
}

export function origin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.pathname === "/" && url.search === "" && url.hash === "";
  const web = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === undefined || !plain || !web || url.username !== "" || url.password !== "") {
    throw new Refusal("must be an origin such as https://stay.example.com, without a path.");
  }
  return url.origin;
}

/** A path of the app in which a value stands for `{name}`, such as /bookings/{id}. */
export function pathWith(name: string): (text: string) => string {
  return (text) => {
    const [before, after, ...more] = text.split(`{${name}}`);
    const rest = `${before}${after ?? ""}`;
    if (after === undefined || more.length > 0 || !/^\/(?!\/)[^\s\\{}]*$/.test(rest)) {
      throw new Refusal(
        `must be a path that begins with one /, with {${name}} in it once and no other braces.`,
      );
    }
    return text;
  };
}

export function urlOf(...protocols: string[]): (text: string) => string {
  return (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !protocols.includes(url.protocol)) {
      const shapes = protocols.map((protocol) => `${protocol}//`).join(" or ");
      throw new Refusal(`must be a URL that starts with ${shapes}.`);
    }
    return text;
  };
}

export function prefixed(...prefixes: string[]): (text: string) => string {
  return (text) => {
    if (!prefixes.some((prefix) => text.startsWith(prefix)) || /\s/.test(text)) {
      throw new Refusal(`must start with ${prefixes.join(" or ")} and hold no blanks.`);
    }
    return text;
  };
}

export function roleName(text: string): string {
  // The names are put into SQL as plain identifiers by graphile-migrate's placeholders.
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(text)) {
    throw new Refusal("must be a role name of lower-case letters, digits and underscores.");
  }
  return text;
}

export function mailFrom(text: string): string {
  const address = /^(?:[^<>\r\n]*<([^<>\s@]+@[^<>\s@]+)>|([^<>\s@]+@[^<>\s@]+))$/;
  if (!address.test(text)) {
    throw new Refusal("must be an address such as Staybase <no-reply@example.com>.");
  }
  return text;
}

const NAMED_NETWORKS = ["loopback", "linklocal", "uniquelocal"];

export function trustProxy(text: string): TrustProxy {
  if (["false", "none", "0"].includes(text.toLowerCase())) return false;
  if (/^\d+$/.test(text)) return integer(1, 10)(text);
  if (text.toLowerCase() === "true") {
    throw new Refusal(
      "must not be true: anybody could invent an address and escape the rate limits. Say how " +
        "many proxies there are, or list their addresses.",
    );
  }
  const networks = list(text);
  const known = networks.every((network) => NAMED_NETWORKS.includes(network) || isNetwork(network));
  if (!known || networks.length === 0) {
    throw new Refusal("must be a number of proxies, or addresses such as 10.0.0.0/8,192.0.2.7.");
  }
  return networks;
}

function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= (version === 4 ? 32 : 128);
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether a host, as a URL or HOST gives it, is this machine and nothing but it. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  const version = isIP(address);
  if (version === 0) return /^(.+\.)?localhost$/i.test(address);
  return loopback.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** Whether a URL leads to this machine; one that is not given leads nowhere else. */
export function isThisMachine(url: string | undefined): boolean {
  if (url === undefined) return true;
  const { hostname, searchParams } = new URL(url);
  // PostgreSQL's driver prefers this parameter; without a host, or with a path, it is a socket.
  const host = searchParams.get("host") ?? hostname;
  return host === "" || host.startsWith("/") || host.startsWith("%2F") || isLoopback(host);
}

/** Whether mails may leave this machine unencrypted although the URL does not say so. */
export function mayBePlain(smtpUrl: string): boolean {
  const { protocol, searchParams } = new URL(smtpUrl);
  const said = ["requireTLS", "ignoreTLS"].some((name) => searchParams.get(name) === "true");
  return protocol === "smtp:" && !said && !isThisMachine(smtpUrl);
}
