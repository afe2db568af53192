/**
 * What is wrong with the text of an API: each lint answers sentences, one a fault. The claims about
 * our own schema, and a bad example of each fault, are in descriptions.test.ts.
 */
import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isObjectType,
} from "graphql";

/** A type, a member of one, or an argument, with its path such as `Query.listing(id)`. */
export interface Thing {
  readonly path: string;
  readonly name: string;
  readonly kind: "type" | "field" | "value" | "argument";
  readonly description: string;
  /** As the SDL writes it; of fields and arguments. */
  readonly type?: string;
}

interface Part {
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly type?: unknown;
  readonly args?: readonly Part[];
}

/** Everything in a schema that can have words, but introspection. */
export function thingsOf(schema: GraphQLSchema): Thing[] {
  const thing = (path: string, kind: Thing["kind"], part: Part): Thing => ({
    path,
    kind,
    name: part.name,
    description: part.description?.trim() ?? "",
    ...(kind === "field" || kind === "argument" ? { type: String(part.type) } : {}),
  });
  const membersOf = (type: GraphQLNamedType): Thing[] => {
    if (isEnumType(type)) {
      return type.getValues().map((value) => thing(`${type.name}.${value.name}`, "value", value));
    }
    if (!isObjectType(type) && !isInputObjectType(type)) return [];
    return Object.values<Part>(type.getFields()).flatMap((field) => {
      const path = `${type.name}.${field.name}`;
      const args = (field.args ?? []).map((arg) => thing(`${path}(${arg.name})`, "argument", arg));
      return [thing(path, "field", field), ...args];
    });
  };
  return Object.values(schema.getTypeMap())
    .filter(({ name }) => !name.startsWith("__"))
    .flatMap((type) => [thing(type.name, "type", type), ...membersOf(type)]);
}

const faults = (schema: GraphQLSchema, isBad: (thing: Thing) => boolean): string[] =>
  thingsOf(schema)
    .filter(isBad)
    .map(({ path }) => path);

/** Things without words, or whose words only repeat their name. */
export const undocumented = (schema: GraphQLSchema): string[] =>
  faults(schema, ({ name, description }) => {
    const letters = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
    return letters(description) === "" || letters(description) === letters(name);
  });

const BOILERPLATE = [
  /^The exclusive input argument/,
  /^Reads a (single|set)/,
  /^Reads and enables pagination/,
  /^Get a single/,
  /^All input for the/,
  /^The output of our/,
  /^A connection to a list/,
  /^A list of (edges|`)/,
  /^An? `\w+` edge/,
  /at the end of the edge/,
  /^(The method|Methods) to use when/,
  /^Grouping methods/,
  /^A filter to be used/,
  /^Filter by the object/,
  /^An input for mutations/,
  /^An arbitrary string/,
  /^The exact same `clientMutationId`/,
  /^(Updates|Deletes|Creates) a single/,
  /^The `\w+` (to be|that was \w+ by)/,
  /^An object where the defined keys/,
  /^Represents an update/,
  /across the matching connection/,
  /for use in pagination|to aid in pagination/,
];

/** Things whose words are the library's, which say nothing of this API. */
export const boilerplate = (schema: GraphQLSchema): string[] =>
  faults(schema, ({ description }) => BOILERPLATE.some((pattern) => pattern.test(description)));

/** Fields that are named after the columns of a key. */
export const namedByColumns = (schema: GraphQLSchema): string[] =>
  faults(schema, ({ kind, name }) => kind === "field" && /By[A-Z]/.test(name));

/** Fields and arguments with a list that may hold nulls. */
export const nullableElements = (schema: GraphQLSchema): string[] =>
  faults(schema, ({ type }) => type !== undefined && /[^!]\]/.test(type));

/** Texts with a vocabulary of others: ISO, Stripe, and the codes of a table that grows. */
const FOREIGN_CODES = ["countryCode", "postalCode", "failureCode", "amenityCode", "amenityCodes"];

/**
 * Codes that are no enum: fields of text that are named like one or whose words list some, and
 * values that are not in capitals.
 */
export const bareCodes = (schema: GraphQLSchema): string[] =>
  faults(schema, ({ path, kind, name, type, description }) => {
    if (kind === "value") return !/^[A-Z][A-Z0-9_]*$/.test(name);
    if (!/^\[?String/.test(type ?? "") || FOREIGN_CODES.includes(name)) return false;
    // What people type in that is good once.
    if (/^(The six digits|What came back|Ten codes)\b/.test(description)) return false;
    // Rows by their code: amenities and currencies are data.
    if (/^(Amenity|Currency|Query\.\w+)\b/.test(path)) return false;
    return (
      /(^|[a-z])(code|kind|status|type|role|actor)s?$/i.test(name) ||
      /\b[a-z]+_[a-z]+\b/.test(description)
    );
  });
