/**
 * Shows coded REST operations in GraphQL too. One whose file says `x-graphql-field` is that field
 * of Mutation, or of Query for GET. It takes and answers what the OpenAPI document says, by the
 * same rules, and the same handler does it. Cookies stay with REST, where browsers send them.
 */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { Asked, Coded, CodedOperation } from "../graphql/plugins/coded.ts";
import type { JsonSchema } from "../graphql/stored/jsonSchema.ts";
import type { Resources } from "../resources/index.ts";
import { operations } from "../rest/index.ts";
import { isRecord, memberOf, textIn } from "../values.ts";
import { assertAdmitted } from "./admission.ts";
import { type Documented, inPlace, readOpenapi } from "./openapi.ts";
import { toProblem } from "./problems.ts";

/** The operations that are fields of GraphQL, in the order of the document. */
export async function readCodedOperations(
  documented: readonly Documented[],
): Promise<CodedOperation[]> {
  const document = await readOpenapi();
  return documented.flatMap(({ operationId: id, method, operation }) => {
    const { "x-graphql-field": field, parameters = [], summary = "", description = "" } = operation;
    if (field === undefined) return [];
    const body = jsonOf(document, operation.requestBody);
    const success = Object.entries(operation.responses ?? {}).find(([code]) => /^2/.test(code));
    // What comes after the first paragraph is about REST alone.
    const words = `${summary}. ${description.split("\n\n")[0]?.trim()}`.trim();
    const inPath = parameters.filter((each) => each.in === "path");
    return {
      id,
      field,
      kind: method === "get" ? "query" : "mutation",
      description: inFields(words, documented),
      input: withoutCookies(withParameters(body, inPath)),
      answer: jsonOf(document, success?.[1]),
    };
  });
}

/** The words of REST, where an address is an operation that has a field. */
function inFields(words: string, documented: readonly Documented[]): string {
  return words.replaceAll(/`(?:([A-Z]+) )?(?:\/v1)?(\/[^`]+)`/g, (whole, method, path) => {
    const found = documented.find(
      (each) => each.path === path && (method ?? "POST") === each.method.toUpperCase(),
    );
    const field = found?.operation["x-graphql-field"];
    return field === undefined ? whole : `\`${field}\``;
  });
}

/** The schema of what a request or an answer has as JSON. */
function jsonOf(document: unknown, described: unknown): JsonSchema | undefined {
  const json = memberOf(memberOf(described, "content"), "application/json");
  const schema = inPlace(document, memberOf(json, "schema"));
  return isRecord(schema) ? schema : undefined;
}

/** GraphQL takes all in one: what stands in the path of REST is a member like any other. */
function withParameters(
  body: JsonSchema | undefined,
  parameters: readonly Readonly<Record<string, unknown>>[],
): JsonSchema {
  const names = parameters.map((each) => textIn(each, "name") ?? "");
  const own = parameters.map(({ schema, description }, index) => {
    return [names[index], { ...Object(schema), ...(description ? { description } : {}) }] as const;
  });
  const required = Array.isArray(body?.required) ? body.required : [];
  return {
    ...body,
    type: "object",
    required: [...names, ...required],
    properties: { ...Object.fromEntries(own), ...Object(body?.properties) },
  };
}

/** Where the refresh token goes is a question to browsers; here it is always in the answer. */
function withoutCookies(input: JsonSchema): JsonSchema {
  const { refreshIn: _, ...properties } = Object(input.properties) as Record<string, unknown>;
  return { ...input, properties };
}

/** The operations, and how they are run for who asks by GraphQL. */
export async function readCoded(
  resources: Resources,
  documented: readonly Documented[],
): Promise<Coded> {
  const coded = await readCodedOperations(documented);
  const byId = new Map(documented.map((each) => [each.operationId, each]));
  const rules = new Map<string, ValidateFunction>();
  const ajv = addFormats.default(new Ajv2020({ strict: false }));
  for (const { id, input } of coded) rules.set(id, ajv.compile(input));
  return {
    operations: coded,
    run: async (id, input, asked) => {
      const [found, handler, fits] = [byId.get(id), operations[id], rules.get(id)];
      if (!found || !handler || !fits) throw new Error(`No file in src/rest implements ${id}.`);
      try {
        if (!fits(input)) throw unfit(fits);
        const request = restRequest(found, input, asked);
        return (await handler(resources, request)).body;
      } catch (thrown) {
        throw toProblem(thrown, input);
      }
    },
  };
}

/** What the rules say, as the validator of REST would. */
function unfit({ errors }: ValidateFunction): Error {
  const faults = (errors ?? []).map(({ instancePath, message, params }) => {
    const missing = textIn(params, "missingProperty");
    return { path: `/body${instancePath}${missing ? `/${missing}` : ""}`, message };
  });
  return Object.assign(new Error("The input does not fit."), { status: 400, errors: faults });
}

function restRequest(
  { operation, method, operationId }: Documented,
  input: Readonly<Record<string, unknown>>,
  { request, asking }: Asked,
): Parameters<(typeof operations)[string]>[1] {
  const { parameters = [], security } = operation;
  const inPath = new Set(parameters.map((each) => textIn(each, "name") ?? ""));
  const split = (isParameter: boolean): [string, unknown][] =>
    Object.entries(input).filter(([name]) => inPath.has(name) === isParameter);
  const viewer = security?.length === 0 ? undefined : asking.viewer;
  assertAdmitted({ security, method, operationId }, viewer);
  return {
    params: Object.fromEntries(split(true).map(([name, value]) => [name, String(value)])),
    query: new URLSearchParams(),
    body: Object.fromEntries(split(false)),
    viewer,
    network: asking.network,
    // No cookies, nor what goes with them.
    header: (name) => (name === "user-agent" ? request.get(name) : undefined),
  };
}
