/**
 * JSON Schema (as OpenAPI 3.1 has it) of what stored documents take and answer. The words are those
 * of the GraphQL schema, which are those of the database's comments.
 */
import {
  type GraphQLInputType,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from "postgraphile/graphql";
import { type Answer, type DocumentAnswer, type ObjectAnswer, plainWord } from "./answers.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** How each scalar looks in JSON. */
const SCALARS: Readonly<Record<string, JsonSchema>> = {
  BigFloat: { type: "string", pattern: "^-?[0-9]+(\\.[0-9]+)?$" },
  BigInt: { type: "string", pattern: "^-?[0-9]{1,19}$" },
  Boolean: { type: "boolean" },
  Cursor: { type: "string" },
  Date: { type: "string", format: "date" },
  Datetime: { type: "string", format: "date-time" },
  Float: { type: "number" },
  Int: { type: "integer" },
  String: { type: "string" },
  Time: { type: "string", pattern: "^[0-2][0-9]:[0-5][0-9]$" },
  UUID: { type: "string", format: "uuid" },
  WebUrl: { type: "string", format: "uri" },
};

const NIGHTS: JsonSchema = {
  type: "object",
  description: "Days, from one to before another.",
  required: ["startsOn", "endsBefore"],
  additionalProperties: false,
  properties: {
    startsOn: { type: ["string", "null"], format: "date" },
    endsBefore: { type: ["string", "null"], format: "date" },
  },
};

/** The schema of a document's whole answer. */
export function schemaOfAnswer({ form, row, total }: DocumentAnswer): JsonSchema {
  if (form === "one") return schemaOf(row);
  const items = { type: "array", items: schemaOf(row) };
  if (form === "items") return objectSchema({ items }, ["items"]);
  const properties = {
    items,
    nextCursor: {
      type: ["string", "null"],
      description: "For the next page, as `cursor`; null on the last one.",
    },
    ...(total === "never"
      ? {}
      : {
          totalCount: {
            type: "integer",
            description: "How many there are on all pages: 1000 at most.",
          },
          isExact: {
            type: "boolean",
            description: "Whether that is all; false where there are more than 1000.",
          },
        }),
  };
  const always = total === "always" ? ["totalCount", "isExact"] : [];
  const required = ["items", "nextCursor", ...always];
  return objectSchema(properties, required);
}

/** The schema of an object with all that is in it, also where it has a name. */
export function schemaOfObject({ type, fields }: ObjectAnswer): JsonSchema {
  const properties = Object.fromEntries(
    fields.map(({ name, answer, isNullable, description }) => {
      const schema = isNullable ? orNull(schemaOf(answer)) : schemaOf(answer);
      return [name, description === undefined ? schema : { ...schema, description }];
    }),
  );
  const required = fields.filter(({ isOptional }) => !isOptional).map(({ name }) => name);
  const schema = objectSchema(properties, required);
  return type.description ? { description: type.description, ...schema } : schema;
}

function schemaOf(answer: Answer): JsonSchema {
  if (answer.kind === "leaf") return schemaOfLeaf(answer.type);
  if (answer.kind === "nights") return NIGHTS;
  if (answer.kind === "list") {
    const items = schemaOf(answer.of);
    return { type: "array", items: answer.isNullable ? orNull(items) : items };
  }
  return answer.fragment === undefined
    ? schemaOfObject(answer)
    : { $ref: `schemas/${answer.fragment}.json` };
}

/** The schema of what a variable takes; the members of `without` are not the client's to give. */
export function schemaOfInput(type: GraphQLInputType, without: readonly string[] = []): JsonSchema {
  if (isNonNullType(type)) return schemaOfInput(type.ofType, without);
  if (isListType(type)) {
    const items = isNonNullType(type.ofType)
      ? schemaOfInput(type.ofType)
      : orNull(schemaOfInput(type.ofType));
    return { type: "array", items };
  }
  if (!isInputObjectType(type)) return schemaOfLeaf(type);
  const fields = Object.values(type.getFields()).filter(({ name }) => !without.includes(name));
  const properties = Object.fromEntries(
    fields.map(({ name, type: inner, description }) => {
      const schema = schemaOfInput(inner);
      const taken = isNonNullType(inner) ? schema : orNull(schema);
      return [name, description ? { ...taken, description } : taken];
    }),
  );
  const required = fields.filter(({ type: inner }) => isNonNullType(inner));
  return objectSchema(
    properties,
    required.map(({ name }) => name),
  );
}

function schemaOfLeaf(type: GraphQLNamedType): JsonSchema {
  if (isEnumType(type)) {
    return { type: "string", enum: type.getValues().map(({ name }) => plainWord(name)) };
  }
  const schema = SCALARS[type.name];
  if (schema === undefined) throw new Error(`Say in jsonSchema.ts how ${type.name} looks in JSON.`);
  return schema;
}

export function objectSchema(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[],
): JsonSchema {
  return {
    type: "object",
    ...(required.length > 0 && { required: [...required] }),
    additionalProperties: false,
    properties,
  };
}

/** The same, or null. */
export function orNull(schema: JsonSchema): JsonSchema {
  if ("$ref" in schema) return { oneOf: [schema, { type: "null" }] };
  const words = schema.enum;
  return {
    ...schema,
    type: [schema.type, "null"].flat(),
    ...(Array.isArray(words) && { enum: [...words, null] }),
  };
}
