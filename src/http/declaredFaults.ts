/**
 * Whether the OpenAPI document and the stored documents that it names say the same: which
 * parameters there are, of which types, and what is answered. What can be told from a document is
 * generated (`openapi/generated`); this says what of the rest does not fit.
 */
import { isDeepStrictEqual } from "node:util";
import {
  type GraphQLInputType,
  getNamedType,
  isInputObjectType,
  isNonNullType,
} from "postgraphile/graphql";
import { ERRORS } from "../errors.ts";
import type { Answer, ObjectAnswer } from "../graphql/stored/answers.ts";
import {
  type JsonSchema,
  objectSchema,
  orNull,
  schemaOfAnswer,
  schemaOfInput,
  schemaOfObject,
} from "../graphql/stored/jsonSchema.ts";
import type {
  StoredOperation,
  StoredOperations,
  StoredVariable,
} from "../graphql/stored/operations.ts";
import { isRecord, memberOf, textIn } from "../values.ts";
import { documentOf, includeVariable } from "./declared.ts";
import type { Documented, DocumentedOperation } from "./openapi.ts";

/** What is wrong, in sentences. */
export function declaredFaults(
  documented: readonly Documented[],
  stored: StoredOperations,
): string[] {
  const named = new Set<string>();
  const faults = documented.flatMap(({ operation, operationId, method }) => {
    try {
      const document = documentOf(stored, operation);
      if (document === undefined) return [];
      named.add(document.name);
      return operationFaults(operation, method, document).map((each) => `${operationId}: ${each}`);
    } catch (error) {
      return [`${operationId}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
  const idle = [...stored.byName.keys()].filter((name) => !named.has(name));
  return [...faults, ...idle.map((name) => `No operation names documents/${name}.graphql.`)];
}

function operationFaults(
  operation: DocumentedOperation,
  method: string,
  stored: StoredOperation,
): string[] {
  const faults: string[] = [];
  if ((stored.kind === "query") !== (method === "get")) {
    faults.push(`a ${stored.kind} is no ${method.toUpperCase()}.`);
  }
  const parameters = (operation.parameters ?? []).filter(isRecord);
  for (const parameter of parameters) faults.push(...parameterFaults(parameter, stored));
  const isPaged = parameters.some(({ name }) => name === "cursor");
  if (isPaged !== (stored.answer.form === "page")) {
    faults.push("a page has the parameter cursor, and nothing else has.");
  }
  const hasKey = parameters.some(({ name }) => name === "Idempotency-Key");
  if (hasKey !== (variableOf(stored, "idempotencyKey") !== undefined)) {
    faults.push("the header Idempotency-Key goes with $idempotencyKey.");
  }
  const body = bodySchema(operation, stored);
  if ((body === undefined) !== (operation.requestBody === undefined)) {
    faults.push(body ? "its body is not described." : "it describes a body, and takes none.");
  }
  const isBodyRequired = memberOf(operation.requestBody, "required") === true;
  if (body && (body.required !== undefined) !== isBodyRequired) {
    faults.push(`its body is ${isBodyRequired ? "not " : ""}required.`);
  }
  return faults;
}

function parameterFaults(
  parameter: Readonly<Record<string, unknown>>,
  stored: StoredOperation,
): string[] {
  const { name, in: place, schema, required } = parameter;
  if (place === "header") return [];
  const unknown = (variable: string): string[] =>
    variableOf(stored, variable) ? [] : [`its document has no $${variable}.`];
  if (name === "include") {
    return wordsOf(schema).flatMap((word) => unknown(includeVariable(word)));
  }
  const words = parameter["x-variables"];
  if (isRecord(words)) {
    return Object.values(words).flatMap((each) => Object.keys(each ?? {}).flatMap(unknown));
  }
  const variable = variableOf(stored, String(name));
  if (variable === undefined) return unknown(String(name));
  const expected = schemaOfInput(variable.type);
  const faults: string[] = [];
  if (!fits(inWords(schema, parameter["x-words"]), expected)) {
    faults.push(`${name} must be ${JSON.stringify(expected)}, as $${name} is.`);
  }
  if ((required === true) !== variable.isRequired) {
    faults.push(`${name} is ${variable.isRequired ? "" : "not "}required by its document.`);
  }
  return faults;
}

/** A schema in the words that the variable has for its own. */
function inWords(schema: unknown, words: unknown): unknown {
  if (!isRecord(words) || !isRecord(schema)) return schema;
  const { items } = schema;
  if (items !== undefined) return { ...schema, items: inWords(items, words) };
  return { ...schema, enum: wordsOf(schema).map((word) => words[word]) };
}

/** The variable that a parameter is for: its own, or a member of `$body`. */
function variableOf({ variables }: StoredOperation, name: string): StoredVariable | undefined {
  const own = variables.get(name);
  if (own !== undefined) return own;
  const whole = variables.get("body");
  const named = whole === undefined ? undefined : getNamedType(whole.type);
  const type = isInputObjectType(named) ? named.getFields()[name]?.type : undefined;
  return type === undefined ? undefined : { type, isRequired: isNonNullType(type) };
}

/** A parameter may be narrower than its variable, but not of another type. */
function fits(schema: unknown, expected: JsonSchema): boolean {
  if (textIn(schema, "$ref") !== undefined) return true;
  return Object.entries(expected).every(([key, value]) => {
    const own = memberOf(schema, key);
    if (key === "items") return fits(own, value as JsonSchema);
    if (key === "enum" && Array.isArray(own) && Array.isArray(value)) {
      return own.every((word) => value.includes(word));
    }
    return key === "pattern" ? own !== undefined : isDeepStrictEqual(own, value);
  });
}

function wordsOf(schema: unknown): string[] {
  const words = memberOf(memberOf(schema, "items"), "enum") ?? memberOf(schema, "enum");
  return Array.isArray(words) ? words.map(String) : [];
}

/** The schema of the body: the variable of that name, or those that no parameter gives. */
function bodySchema(
  { parameters = [] }: DocumentedOperation,
  { variables }: StoredOperation,
): JsonSchema | undefined {
  const whole = variables.get("body");
  if (whole !== undefined) {
    const path = parameters.filter((each) => memberOf(each, "in") === "path");
    const taken = path.map((each) => textIn(each, "name") ?? "");
    const schema = schemaOfInput(whole.type, [...taken, "clientMutationId", "idempotencyKey"]);
    return Object.keys(schema.properties ?? {}).length === 0 ? undefined : schema;
  }
  const given = new Set(["idempotencyKey"]);
  for (const parameter of parameters) {
    const name = textIn(parameter, "name") ?? "";
    given.add(name);
    const words = memberOf(parameter, "x-variables");
    for (const each of Object.values(words ?? {})) {
      for (const variable of Object.keys(each ?? {})) given.add(variable);
    }
    for (const word of wordsOf(memberOf(parameter, "schema"))) {
      if (name === "include") given.add(includeVariable(word));
    }
  }
  const rest = [...variables].filter(([name]) => !given.has(name));
  if (rest.length === 0) return undefined;
  const properties = rest.map(([name, { type }]) => [name, taken(type)] as const);
  const required = rest.filter(([, { isRequired }]) => isRequired).map(([name]) => name);
  return objectSchema(Object.fromEntries(properties), required);
}

/** What a variable takes; null where it need not be given. */
function taken(type: GraphQLInputType): JsonSchema {
  const schema = schemaOfInput(type);
  return isNonNullType(type) ? schema : orNull(schema);
}

/** The files of `openapi/generated`, by their paths in it. */
export function generatedFiles(
  documented: readonly Documented[],
  stored: StoredOperations,
): Map<string, string> {
  const files = new Map<string, string>();
  const named = new Map<string, ObjectAnswer>();
  for (const { operation, operationId } of documented) {
    const document = documentOf(stored, operation);
    if (document === undefined) continue;
    const body = bodySchema(operation, document);
    const answer = schemaOfAnswer(document.answer);
    files.set(`${operationId}.json`, textOf({ ...(body && { body }), answer }));
    collectNamed(document.answer.row, named);
  }
  const codes = { type: "string", enum: Object.keys(ERRORS).sort() };
  files.set("schemas/ErrorCode.json", textOf(codes));
  for (const [name, answer] of named) {
    files.set(`schemas/${name}.json`, textOf(withSiblings(schemaOfObject(answer))));
  }
  return files;
}

/** Named schemas refer to each other from where they stand. */
function withSiblings(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"schemas/', '"$ref":"'));
}

function collectNamed(answer: Answer, named: Map<string, ObjectAnswer>): void {
  if (answer.kind === "list") collectNamed(answer.of, named);
  if (answer.kind !== "object") return;
  if (answer.fragment !== undefined) named.set(answer.fragment, answer);
  for (const field of answer.fields) collectNamed(field.answer, named);
}

const textOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
