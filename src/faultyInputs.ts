/**
 * Which inputs an error of PostgreSQL is about. It names columns only sometimes, and a text that it
 * cannot read never; but it says which text, and a client has sent it under a name.
 */

/** What is known of the error. */
export interface InputFault {
  readonly sqlstate: string | undefined;
  /** PostgreSQL's sentence, which quotes the value that it cannot read. */
  readonly message: string;
  /** The domain whose rule is broken, where it is one. */
  readonly domain: string | undefined;
  /** Names under which the value may have been sent. */
  readonly names: readonly string[];
}

interface Leaf {
  readonly name: string;
  readonly value: unknown;
}

/** Texts that PostgreSQL cannot store: NUL, half a pair of surrogates. */
const UNSTORABLE = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const UNSTORABLE_STATES: readonly unknown[] = ["22021", "22P05"];

/** What breaks the rule of each domain, roughly: the database decides, this finds the text. */
const BREAKS: Readonly<Record<string, RegExp>> = {
  line: /[\p{Cc}\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]|^[\s\p{Cf}\u3164\u115f\u1160]+$/u,
  prose: /[^\P{Cc}\t\n\r]|[\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]/u,
  web_url: /^(?!https:\/\/[^\s"'<>]+$)|^.{2049}/,
};

/**
 * The names, without repetition; none where that cannot be told.
 * @param input what the client sent: arguments or a body
 */
export function faultyInputs(fault: InputFault, input: unknown): string[] {
  const leaves = leavesOf(input);
  const found = leaves.filter(isFaulty(fault));
  return [...new Set(found.map(({ name }) => name))];
}

function isFaulty({ sqlstate, message, domain, names }: InputFault): (leaf: Leaf) => boolean {
  const breaks = domain === undefined ? undefined : BREAKS[domain];
  if (breaks !== undefined) {
    return ({ name, value }) =>
      names.includes(name) && typeof value === "string" && breaks.test(value);
  }
  if (UNSTORABLE_STATES.includes(sqlstate)) {
    return ({ value }) => typeof value === "string" && UNSTORABLE.test(value);
  }
  const quoted = /"(.*)"/s.exec(message)?.[1];
  return ({ value }) => quoted !== undefined && String(value) === quoted;
}

/** Every value that is no list or object, under the name of its member. */
function leavesOf(value: unknown, name = ""): Leaf[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => leavesOf(item, name));
  if (typeof value !== "object" || value === null) return [{ name, value }];
  return Object.entries(value).flatMap(([key, item]) => leavesOf(item, key));
}
