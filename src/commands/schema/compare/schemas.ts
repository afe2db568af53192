/**
 * Compares two JSON Schemas of OpenAPI 3.1. What clients send must be taken as before, and what
 * they are answered must be what they know. New members of answers and new words of their enums
 * break nobody, as docs/compatibility.md says. What it does not understand must stay as it is.
 */
import { isDeepStrictEqual } from "node:util";
import { isRecord, memberOf } from "../../../values.ts";
import type { Comparison, Pair } from "./comparison.ts";

/** Who depends on a schema: who sends what it describes, or who reads it. */
export type Use = "sent" | "answered";

type Schema = Readonly<Record<string, unknown>>;

export function compareSchemas(to: Comparison, pair: Pair, use: Use): void {
  const resolved = to.resolve(pair, use);
  if (resolved === undefined) return;
  const { place } = resolved;
  const [before, after] = [split(resolved.before), split(resolved.after)];
  if (before.isUnion || after.isUnion) {
    compareNull(to, place, use, before.orNull, after.orNull);
    compareSchemas(to, { place, before: before.bare, after: after.bare }, use);
    return;
  }
  const inner = { to, place, use, before: before.schema, after: after.schema };
  if (!compareKinds(inner)) return;
  compareWords(inner);
  compareBounds(inner);
  compareMembers(inner);
  compareOthers(inner);
  compareItems(inner);
  compareBranches(inner);
  compareRest(inner);
}

/** One comparison of two schemas without references. */
interface Inner {
  readonly to: Comparison;
  readonly place: string;
  readonly use: Use;
  readonly before: Schema;
  readonly after: Schema;
}

const shown = (value: unknown): string => JSON.stringify(value) ?? "nothing";

/** A schema, and the one beside null, where it is a union that says "or null" and no more. */
interface Split {
  readonly schema: Schema;
  readonly bare: unknown;
  readonly isUnion: boolean;
  readonly orNull: boolean;
}

function split(given: unknown): Split {
  const schema = given === false ? { not: {} } : isRecord(given) ? given : {};
  const { oneOf, anyOf = oneOf, ...others } = schema;
  const branches = Array.isArray(anyOf) ? anyOf : [];
  const bare = branches.filter((branch) => !isNull(branch));
  const isUnion = branches.length === 2 && bare.length === 1 && keywordsOf(others).length === 0;
  if (isUnion) return { schema, bare: bare[0], isUnion, orNull: true };
  const orNull = kindsOf(schema)?.has("null") ?? true;
  return { schema, bare: withoutNull(schema), isUnion, orNull };
}

const keywordsOf = (schema: unknown): string[] =>
  Object.keys(Object(schema)).filter((keyword) => !isAnnotation(keyword));

const isNull = (schema: unknown): boolean =>
  memberOf(schema, "type") === "null" && keywordsOf(schema).length === 1;

function withoutNull(schema: Schema): Schema {
  const { type, enum: words } = schema;
  return {
    ...schema,
    ...(Array.isArray(type) && { type: type.filter((each) => each !== "null") }),
    ...(Array.isArray(words) && { enum: words.filter((word) => word !== null) }),
  };
}

function compareNull(
  to: Comparison,
  place: string,
  use: Use,
  before: boolean,
  after: boolean,
): void {
  if (use === "sent" && before && !after) to.report(place, "does not take null any more");
  if (use === "answered" && after && !before) to.report(place, "may be null now");
}

/** Whether the types still fit; where they do not, nothing else is worth telling. */
function compareKinds({ to, place, use, before, after }: Inner): boolean {
  const [from, now] = [kindsOf(before), kindsOf(after)];
  if (use === "sent" ? isWithin(from, now) : isWithin(now, from)) return true;
  const verb = use === "sent" ? "takes" : "is";
  const words = (kinds: typeof from) => (kinds ? [...kinds].sort().join(" or ") : "anything");
  to.report(place, `${verb} ${words(now)} now, and was ${words(from)}`);
  return false;
}

/** The types of values that fit; undefined where all do. */
function kindsOf({ type, enum: words }: Schema): ReadonlySet<string> | undefined {
  const types = type === undefined ? undefined : new Set([type].flat().map(String));
  if (!Array.isArray(words)) return types;
  const kinds = words.map(kindOf).filter((kind) => types === undefined || covers(types, kind));
  // Words that no value can have are a mistake, and no answer that fits every client.
  return kinds.length === 0 ? types : new Set(kinds);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

type Kinds = ReturnType<typeof kindsOf>;

/** A whole number is a number, too. */
const covers = (kinds: ReadonlySet<string>, kind: string): boolean =>
  kinds.has(kind) || (kind === "integer" && kinds.has("number"));

function isWithin(inner: Kinds, outer: Kinds): boolean {
  if (outer === undefined) return true;
  return inner !== undefined && [...inner].every((kind) => covers(outer, kind));
}

/** A word that goes breaks who sends it, and who waits for it; null is a matter of types. */
function compareWords({ to, place, use, before, after }: Inner): void {
  const [from, now] = [before.enum, after.enum];
  if (Array.isArray(now) && !Array.isArray(from) && use === "sent") {
    to.report(place, `takes only ${now.map(shown).join(", ")} now`);
  }
  if (!Array.isArray(from) || !Array.isArray(now)) return;
  for (const word of from) {
    if (word !== null && !now.includes(word)) to.report(place, `has no ${shown(word)} any more`);
  }
}

/** The keywords that are a least or a greatest measure, and what their absence means. */
const LEAST = { minimum: -Infinity, exclusiveMinimum: -Infinity, minLength: 0, minItems: 0 };
const MOST = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"] as const;

function compareBounds({ to, place, use, before, after }: Inner): void {
  const compare = (keyword: string, none: number): void => {
    const sign = keyword in LEAST ? 1 : -1;
    const [from, now] = [before[keyword], after[keyword]];
    const change = sign * (Number(now ?? none) - Number(from ?? none));
    // Infinity less infinity is no number, and no change.
    if (!(use === "sent" ? change > 0 : change < 0)) return;
    to.report(place, `has the ${keyword} ${shown(now)} now, and had ${shown(from)}`);
  };
  for (const [keyword, none] of Object.entries(LEAST)) compare(keyword, none);
  for (const keyword of MOST) compare(keyword, Infinity);
}

const membersOf = (value: unknown): Schema => (isRecord(value) ? value : {});
const namesOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function compareMembers({ to, place, use, before, after }: Inner): void {
  const [from, now] = [membersOf(before.properties), membersOf(after.properties)];
  const [needed, needs] = [namesOf(before.required), namesOf(after.required)];
  for (const [name, schema] of Object.entries(from)) {
    const member = `${place}.${name}`;
    if (!(name in now)) to.report(member, "is gone");
    else compareSchemas(to, { place: member, before: schema, after: now[name] }, use);
  }
  if (use === "sent") {
    for (const name of needs) {
      if (!needed.includes(name)) to.report(`${place}.${name}`, "is required now");
    }
    return;
  }
  for (const name of needed) {
    const isGone = String(name) in from && !(String(name) in now);
    if (!needs.includes(name) && !isGone) to.report(`${place}.${name}`, "may be left out now");
  }
}

/** Members that have no name. */
function compareOthers({ to, place, use, before, after }: Inner): void {
  const [from = true, now = true] = [before.additionalProperties, after.additionalProperties];
  if (isRecord(from) && isRecord(now)) {
    compareSchemas(to, { place: `${place}.*`, before: from, after: now }, use);
  } else if (use === "sent" ? now !== true && from !== false : isRecord(from) && now !== false) {
    if (from !== now) to.report(place, "describes its other members otherwise");
  }
}

function compareItems({ to, place, use, before, after }: Inner): void {
  const [from = true, now = true] = [before.items, after.items];
  // Whatever has items of any kind has items that have items.
  if (from === true && now === true) return;
  compareSchemas(to, { place: `${place}[]`, before: from, after: now }, use);
}

/** Branches are compared in their order; what is sent may gain one, what is answered lose one. */
function compareBranches({ to, place, use, before, after }: Inner): void {
  for (const keyword of ["oneOf", "anyOf", "allOf"]) {
    const [from, now] = [before[keyword], after[keyword]];
    if (from === undefined && now === undefined) continue;
    const [old, fresh] = [namesOf(from), namesOf(now)];
    const grows = keyword !== "allOf" && from !== undefined && now !== undefined;
    const fits = use === "sent" ? fresh.length > old.length : fresh.length < old.length;
    if (old.length !== fresh.length && !(grows && fits)) {
      to.report(place, `has other branches in ${keyword}`);
    }
    for (const [index, schema] of old.slice(0, fresh.length).entries()) {
      const pair = { place: `${place}(${index})`, before: schema, after: fresh[index] };
      compareSchemas(to, pair, use);
    }
  }
}

const isAnnotation = (keyword: string): boolean =>
  /^(x-.*|title|description|examples?|deprecated|\$comment|externalDocs)$/.test(keyword);

const COMPARED = new Set([
  ...["type", "enum", "properties", "required", "additionalProperties", "items"],
  ...["oneOf", "anyOf", "allOf", ...Object.keys(LEAST), ...MOST],
]);

/**
 * What a keyword says alone, such as a pattern: what is sent may lose it, what is answered may gain
 * it. A default says what happens where nothing is sent, so it may come and not change.
 */
function compareRest({ to, place, use, before, after }: Inner): void {
  for (const keyword of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [from, now] = [before[keyword], after[keyword]];
    if (COMPARED.has(keyword) || isAnnotation(keyword) || isDeepStrictEqual(from, now)) continue;
    const isDefault = keyword === "default";
    if (isDefault && use === "answered") continue;
    const mayGo = use === "sent" && !isDefault;
    if (mayGo ? now === undefined : from === undefined) continue;
    to.report(place, `has the ${keyword} ${shown(now)} now, and had ${shown(from)}`);
  }
}
