/**
 * Adds what no function of the database does: operations that are coded, such as signing in. Types
 * and words follow from the JSON Schemas of their input and answer; what an operation does, and
 * whether the input fits its rules, is the business of whoever gives `run`.
 */
import type { Request } from "express";
import "postgraphile";
import {
  access,
  context,
  type FieldArgs,
  lambda,
  type Step,
  sideEffect,
} from "postgraphile/grafast";
import { parse } from "postgraphile/graphql";
import { extendSchema } from "postgraphile/utils";
import { isRecord, textIn } from "../../values.ts";
import type { Asking } from "../preset.ts";
import type { JsonSchema } from "../stored/jsonSchema.ts";

declare module "postgraphile/graphql" {
  interface GraphQLFieldExtensions<_TSource, _TContext, _TArgs> {
    /** Whether the field is coded: it costs what a password costs to check. */
    isCoded?: boolean;
  }
}

declare global {
  namespace Grafast {
    interface Context {
      /** The request that asks, and who sent it. */
      asked?: Asked;
    }
  }
}

export interface Asked {
  readonly request: Request;
  readonly asking: Asking;
}

/** An operation that is coded, as the API shows it. */
export interface CodedOperation {
  readonly id: string;
  /** The field's name below Query or Mutation. */
  readonly field: string;
  readonly kind: "query" | "mutation";
  readonly description: string;
  /** An object of what it takes. */
  readonly input: JsonSchema;
  /** An object of what it answers; undefined where that is nothing. */
  readonly answer: JsonSchema | undefined;
}

/** What is coded, and how it is run. */
export interface Coded {
  readonly operations: readonly CodedOperation[];
  /** @throws {ApiError} */
  run(id: string, input: Readonly<Record<string, unknown>>, asked: Asked): Promise<unknown>;
}

/** The plugin that adds the operations, of which there is one at least. */
export function createCodedPlugin({ operations, run }: Coded): GraphileConfig.Plugin {
  const types = new Map<string, string>();
  const plans: Record<Root, Record<string, FieldPlan>> = { Query: {}, Mutation: {} };
  const roots: Record<Root, string[]> = { Query: [], Mutation: [] };
  for (const operation of operations) {
    const { field, kind, description } = operation;
    const root = kind === "query" ? "Query" : "Mutation";
    const line = kind === "query" ? queryField(operation, types) : mutationField(operation, types);
    roots[root].push(`${JSON.stringify(description)} ${line}`);
    plans[root][field] = { extensions: { isCoded: true }, plan: planOf(operation, run) };
  }
  const extended = (["Query", "Mutation"] as const)
    .filter((root) => roots[root].length > 0)
    .map((root) => `extend type ${root} { ${roots[root].join("\n")} }`);
  return extendSchema(
    {
      typeDefs: parse([...types.values(), ...extended].join("\n")),
      objects: { Query: { plans: plans.Query }, Mutation: { plans: plans.Mutation } },
    },
    "StaybaseCodedPlugin",
  );
}

type Root = "Query" | "Mutation";

interface FieldPlan {
  readonly extensions: { readonly isCoded: true };
  readonly plan: (root: Step, args: FieldArgs) => Step;
}

function planOf({ id, kind, answer }: CodedOperation, run: Coded["run"]): FieldPlan["plan"] {
  const answerTo = async (asked: Asked | undefined, given: unknown): Promise<unknown> => {
    if (asked === undefined) throw new Error("Somebody asks without a request.");
    const { clientMutationId = null, ...input } = isRecord(given) ? given : {};
    const answered = await run(id, withoutNulls(input), asked);
    return { ...(isRecord(answered) && answered), clientMutationId };
  };
  if (kind === "mutation") {
    return (_root, args) =>
      sideEffect([args.getRaw("input"), context().get("asked")], ([given, asked]) =>
        answerTo(asked, given),
      );
  }
  return () => {
    const $answer = lambda(context().get("asked"), (asked) => answerTo(asked, {}));
    return itemsOf(answer) ? access($answer, "items") : $answer;
  };
}

/** To leave something out and to say null is the same to a client of GraphQL. */
function withoutNulls(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
}

/** PostGraphile's own words, which the descriptions know. */
const INPUT = '"All input for the mutation."';
const GIVEN = '"An arbitrary string value with no semantic meaning."';
const SAME = '"The exact same `clientMutationId` that was given."';

function mutationField(operation: CodedOperation, types: Map<string, string>): string {
  const { field, input, answer } = operation;
  const name = field.charAt(0).toUpperCase() + field.slice(1);
  const id = "clientMutationId: String";
  const taken = membersOf(input, types).join("\n");
  const given = answer === undefined ? "" : membersOf(answer, types).join("\n");
  types.set(`${name}Input`, `${INPUT} input ${name}Input { ${GIVEN} ${id}\n${taken} }`);
  types.set(`${name}Payload`, `type ${name}Payload { ${SAME} ${id}\n${given} }`);
  return `${field}(input: ${name}Input!): ${name}Payload`;
}

/** A query takes nothing, and answers a list or an object. */
function queryField({ field, answer = {} }: CodedOperation, types: Map<string, string>): string {
  return `${field}: ${typeOf(itemsOf(answer) ?? answer, types)}!`;
}

/** The list of an answer that has nothing else. */
function itemsOf(answer: JsonSchema | undefined): JsonSchema | undefined {
  const { properties } = answer ?? {};
  if (!isRecord(properties) || Object.keys(properties).join() !== "items") return undefined;
  return isRecord(properties.items) ? properties.items : undefined;
}

/** The members of an object, as lines of its type. */
function membersOf(schema: JsonSchema, types: Map<string, string>): string[] {
  const { properties, required } = schema;
  return Object.entries(isRecord(properties) ? properties : {}).map(([name, member]) => {
    if (!isRecord(member)) throw new Error(`${name} has no schema.`);
    const isThere = Array.isArray(required) && required.includes(name) && !isNullable(member);
    const words = textIn(member, "description");
    const said = words === undefined ? "" : `${JSON.stringify(words.trim())} `;
    return `${said}${name}: ${typeOf(member, types)}${isThere ? "!" : ""}`;
  });
}

const isNullable = ({ type }: JsonSchema): boolean => Array.isArray(type) && type.includes("null");

/** The type of a value; objects are named by their `title`. */
function typeOf(schema: JsonSchema, types: Map<string, string>): string {
  const { format, items } = schema;
  const type = [schema.type].flat().find((each) => each !== "null");
  if (type === "string") return SCALARS[String(format)] ?? "String";
  if (type === "boolean") return "Boolean";
  if (type === "integer") return "Int";
  if (type === "array" && isRecord(items)) return `[${typeOf(items, types)}!]`;
  const title = textIn(schema, "title");
  if (type !== "object" || title === undefined) {
    throw new Error(`GraphQL has no type for ${JSON.stringify(schema)}.`);
  }
  const said = JSON.stringify(textIn(schema, "description") ?? "");
  types.set(title, `${said} type ${title} { ${membersOf(schema, types).join("\n")} }`);
  return title;
}

const SCALARS: Readonly<Record<string, string>> = { uuid: "UUID", "date-time": "Datetime" };
