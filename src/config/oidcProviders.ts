/**
 * Reads the providers of OpenID Connect by which people may sign in. A fault names the provider by
 * its place and its name, never by what is secret.
 */
import { isRecord, textIn } from "../values.ts";
import { isThisMachine, Refusal } from "./parsers.ts";

/** A provider of OpenID Connect. */
export interface OidcProvider {
  /** Its part of addresses here, such as google. */
  readonly name: string;
  /** What people read, such as Google. */
  readonly title: string;
  /** Its own address, below which its description is. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

const EXAMPLE =
  '[{"name": "google", "title": "Google", "issuer": "https://accounts.google.com", ' +
  '"clientId": "...", "clientSecret": "..."}]';

const MOST_PROVIDERS = 10;

/** What each member must be. */
const MEMBERS: Readonly<Record<keyof OidcProvider, readonly [is: RegExp, what: string]>> = {
  name: [
    /^(?!session$)[a-z][a-z0-9-]{0,39}$/,
    "lower-case letters, digits and hyphens, and not session",
  ],
  title: [/^[^\p{Cc}\p{Zl}\p{Zp}]{1,60}$/u, "1 to 60 characters on one line"],
  issuer: [/^https?:\/\/[^\s?#@]{1,490}$/, "an address that begins with https://"],
  clientId: [/^[\x20-\x7e]{1,500}$/, "the id that the provider gave you"],
  clientSecret: [/^[\x20-\x7e]{1,500}$/, "the secret that the provider gave you"],
};

/** The providers of a JSON list. All that is wrong with it is one refusal. */
export function oidcProviders(text: string): readonly OidcProvider[] {
  const list = parseJson(text);
  if (!Array.isArray(list)) throw new Refusal(`must be a JSON list such as ${EXAMPLE}.`);
  const faults = list.flatMap((item: unknown, index) =>
    faultsOf(item).map((fault) => `${nameOf(item, index)} ${fault}`),
  );
  if (list.length > MOST_PROVIDERS) faults.push(`there are more than ${MOST_PROVIDERS} providers`);
  for (const member of ["name", "issuer"] as const) {
    const values = list.map((item: unknown) => textIn(item, member));
    const hasTwice = values.some((value, at) => value !== undefined && values.indexOf(value) < at);
    if (hasTwice) faults.push(`two providers have the same ${member}`);
  }
  if (faults.length > 0) {
    throw new Refusal(`must be a JSON list such as ${EXAMPLE}: ${faults.join("; ")}.`);
  }
  return list as OidcProvider[];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is thrown quotes the text.
    return undefined;
  }
}

function nameOf(item: unknown, index: number): string {
  const name = textIn(item, "name");
  const isGood = name !== undefined && MEMBERS.name[0].test(name);
  return isGood ? `provider ${index + 1} (${name})` : `provider ${index + 1}`;
}

function faultsOf(item: unknown): string[] {
  if (!isRecord(item)) return ["is no object"];
  const unknown = Object.keys(item).some((member) => !Object.hasOwn(MEMBERS, member));
  const faults = unknown ? ["has a member that is not known"] : [];
  for (const [member, [is, what]] of Object.entries(MEMBERS)) {
    const value = textIn(item, member);
    if (value === undefined) faults.push(`has no ${member}`);
    else if (!is.test(value)) faults.push(`has another ${member} than ${what}`);
    else if (member === "issuer" && !isSafe(value)) faults.push("has an issuer without https://");
  }
  return faults;
}

/** Whoever listens on the way could say who somebody is. */
function isSafe(issuer: string): boolean {
  if (!URL.canParse(issuer)) return false;
  return issuer.startsWith("https://") || isThisMachine(issuer);
}
