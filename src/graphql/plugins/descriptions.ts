/**
 * Says of everything in the API what it is. The words of the database come first; what has none has
 * them from descriptions.json5, and what PostGraphile generates has a sentence from its pattern.
 * It changes descriptions alone.
 */
import { readFileSync } from "node:fs";
import JSON5 from "json5";
import "postgraphile";
import {
  type GraphQLArgument,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isObjectType,
} from "postgraphile/graphql";

const FILE = new URL("../descriptions.json5", import.meta.url);

/** Anything with a name and words. */
interface Described {
  readonly name: string;
  description?: string | null | undefined;
}

type Words = Readonly<Record<string, string>>;

/** The words of descriptions.json5, by the path of what they are about. */
export const readWords = (): Words => JSON5.parse<Words>(readFileSync(FILE, "utf8"));

/** Describes the finished schema. */
export const DescriptionsPlugin: GraphileConfig.Plugin = {
  name: "StaybaseDescriptionsPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      finalize(schema) {
        describeSchema(schema, readWords());
        return schema;
      },
    },
  },
};

/** Gives each type, member and argument its words, in place. Introspection has its own. */
function describeSchema(schema: GraphQLSchema, words: Words): void {
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith("__"));
  for (const type of types) {
    describe(type, words[type.name] ?? typeSentence(type));
  }
  for (const type of types) {
    for (const member of membersOf(type)) {
      const path = `${type.name}.${member.name}`;
      const mechanical = memberSentence(schema, type, member);
      describe(member, words[path] ?? mechanical ?? bare(member, words));
      for (const arg of argumentsOf(member)) {
        const own = words[`${path}.${arg.name}`];
        describe(arg, own ?? ARGUMENTS[arg.name] ?? bare(arg, words));
      }
    }
  }
}

function describe(thing: Described, text: string | undefined): void {
  if (text !== undefined) thing.description = text;
}

/** The word for its name, where the database has none. */
function bare({ name, description }: Described, words: Words): string | undefined {
  return description ? undefined : words[name];
}

function membersOf(type: GraphQLNamedType): Described[] {
  if (isEnumType(type)) return [...type.getValues()];
  if (isObjectType(type) || isInputObjectType(type)) return Object.values(type.getFields());
  return [];
}

function argumentsOf(member: Described): readonly GraphQLArgument[] {
  return "args" in member ? (member.args as readonly GraphQLArgument[]) : [];
}

/** Arguments that are the same everywhere. */
const ARGUMENTS: Words = {
  input: "What the mutation is given.",
  filter: "Which rows to read; without it, all that the asker may see.",
  orderBy: "Which rows come first; each order decides between rows that are equal in those before.",
  groupBy: "What the rows of a group have in common.",
  after: "Read the rows that follow this cursor.",
  before: "Read the rows that come before this cursor.",
};

/** A pattern of a text or a name, and the sentence in its place. */
type Sentences = readonly (readonly [pattern: RegExp, sentence: string])[];

function sentence(
  sentences: Sentences,
  ...texts: readonly (string | null | undefined)[]
): string | undefined {
  for (const [pattern, text] of sentences) {
    const match = texts.map((candidate) => pattern.exec(candidate ?? "")).find(Boolean);
    if (match) return match[0].replace(pattern, text);
  }
  return undefined;
}

const TYPE_SENTENCES: Sentences = [
  [/^(\w+)Connection$/, "A page of `$1`, and how to go on."],
  [/^(\w+)Edge$/, "A `$1` and its place in the list."],
  [/^(\w+)OrderBy$/, "Orders of `$1`. A key decides between rows that are equal otherwise."],
  [/^(\w+)GroupBy$/, "What `$1` can be grouped by in sums."],
  [/^(\w+)SumAggregates$/, "The sums of a group of `$1`."],
  [/^(\w+)Aggregates$/, "A group of `$1` and its sums."],
  [/^(\w+)Filter$/, "Conditions on `$1`; all of them hold."],
  [/^(\w+)Patch$/, "Changes of a `$1`; what is left out stays."],
  [/^An input for mutations affecting `(\w+)`$/, "A new `$1`."],
];

function typeSentence({ name, description }: Described): string | undefined {
  const [, mutation = "", side] = /^(\w+)(Input|Payload)$/.exec(name) ?? [];
  const field = `\`${mutation.charAt(0).toLowerCase()}${mutation.slice(1)}\``;
  if (side === "Payload") return `What ${field} answers.`;
  if (/^All input for/.test(description ?? "")) return `What ${field} is given.`;
  return sentence(TYPE_SENTENCES, name, description);
}

const MEMBER_SENTENCES: Sentences = [
  [/^An arbitrary string value with no semantic meaning.*$/s, "Any text; the answer repeats it."],
  [/^The exact same `clientMutationId`.*$/s, "The text that the mutation was given."],
  [/^A list of edges which contains.*$/s, "The rows of the page, each with its cursor."],
  [/^A list of `(\w+)` objects\.$/, "The rows of the page."],
  [/^The `(\w+)` at the end of the edge\.$/, "The row."],
  [/^A cursor for use in pagination\.$/, "Where the row is; give it as `after` or `before`."],
  [/^Information to aid in pagination\.$/, "Whether there is more, and from where."],
  [
    /^The count of \*all\* `(\w+)`.*$/s,
    "How many rows match, on all pages: 1000 at most, see `isExact`.",
  ],
  [/^Get a single `(\w+)`\.$/, "One `$1`; null where there is none that the asker may see."],
  [/^Reads a set of `(\w+)`\.$/, "Every `$1`."],
  [/^Reads and enables pagination.*`(\w+)`\.$/s, "Every `$1` that the asker may see, by page."],
  [/^The `(\w+)` to be created by this mutation\.$/, "The new `$1`."],
  [/^The `(\w+)` that was (created|updated|deleted) by.*$/s, "The `$1` that was $2."],
  [/^An object where the defined keys will be set.*$/s, "What changes; the rest stays."],
  [/^Sum aggregates across.*$/s, "The sums of the group."],
  [/^Sum of (\w+) across.*$/s, "Sum of `$1` over the group, in minor units of its currency."],
];

const camelCase = (constant: string): string =>
  constant.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** What follows of a member from the type it is in, and from what was generated for it. */
function memberSentence(
  schema: GraphQLSchema,
  type: GraphQLNamedType,
  { name, description }: Described,
): string | undefined {
  if (type.name.endsWith("OrderBy")) return orderSentence(name);
  if (type.name.endsWith("GroupBy")) {
    const [column = "", month] = name.split(/(_TRUNCATED_TO_MONTH)$/);
    const field = camelCase(column);
    const what = wordsOf(schema, type.name.replace(/GroupBy$/, ""), field);
    return `The ${month ? "month of" : "same"} \`${field}\`: ${what}`;
  }
  if (type.name.endsWith("Aggregates") && name === "keys") {
    return "What the rows of the group have in common, in the order of `groupBy`.";
  }
  if (type.name.endsWith("Payload") && !description) return "What it is about, as it is now.";
  if (/^Filter by the object/.test(description ?? "")) {
    const column = wordsOf(schema, type.name.replace(/Filter$/, ""), name);
    return `Condition on \`${name}\`: ${column}`;
  }
  // A relation is what the column of its key is.
  const column = wordsOf(schema, type.name, `${name}Id`);
  if (column && /^Reads a single/.test(description ?? "")) return column;
  return sentence(MEMBER_SENTENCES, description);
}

function orderSentence(name: string): string {
  if (name === "NATURAL") return "No order of its own: by key.";
  const [what = "", , direction] = name.split(/_(?=(ASC|DESC)$)/);
  const subject = what === "PRIMARY_KEY" ? "the key" : `\`${camelCase(what)}\``;
  return direction === "DESC" ? `By ${subject}, greatest first.` : `By ${subject}, least first.`;
}

function wordsOf(schema: GraphQLSchema, typeName: string, field: string): string | undefined {
  const type = schema.getType(typeName);
  return (isObjectType(type) && type.getFields()[field]?.description) || undefined;
}
