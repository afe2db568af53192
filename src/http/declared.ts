/**
 * Operations that are declared and not coded: the OpenAPI document names a stored GraphQL document,
 * which runs in this process as whoever asks. So REST sees and may do what GraphQL does, no more.
 * What the parameters of an operation are called, the variables of its document are called too.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Request } from "express";
import { type GraphQLSchema, getNamedType, isInputObjectType } from "postgraphile/graphql";
import { ApiError } from "../errors.ts";
import { plainAnswer } from "../graphql/stored/answers.ts";
import {
  graphqlValue,
  readStoredOperations,
  type StoredOperation,
  type StoredOperations,
} from "../graphql/stored/operations.ts";
import type { Resources } from "../resources/index.ts";
import { type Freshness, publicCacheControl } from "../resources/publicAnswers.ts";
import type { RestAnswer, RestRequest } from "../rest/handler.ts";
import { isRecord, memberOf, textIn } from "../values.ts";
import type { InstalledGraphql } from "./graphql.ts";
import type { DocumentedOperation } from "./openapi.ts";

export const DOCUMENTS_FOLDER = fileURLToPath(new URL("../../openapi/documents", import.meta.url));

/** An operation and the document that it names. */
export interface Declared {
  readonly operation: DocumentedOperation;
  readonly document: StoredOperation;
}

export function readDocuments(schema: GraphQLSchema): StoredOperations {
  return readStoredOperations(schema, DOCUMENTS_FOLDER);
}

/** The document that an operation names. */
export function documentOf(
  { byName }: StoredOperations,
  operation: DocumentedOperation,
): StoredOperation | undefined {
  const file = operation["x-graphql"];
  if (file === undefined) return undefined;
  const name = /^documents\/(\w+)\.graphql$/.exec(file)?.[1];
  const stored = name === undefined ? undefined : byName.get(name);
  if (stored === undefined) throw new Error(`There is no openapi/${file}.`);
  return stored;
}

/** How `include` names a variable: `include=host` is `$includeHost: true`. */
export const includeVariable = (word: string): string =>
  `include${word.charAt(0).toUpperCase()}${word.slice(1)}`;

/** Runs an operation for a request that fits the OpenAPI document. */
export async function runDeclared(
  { config }: Resources,
  graphql: InstalledGraphql,
  declared: Declared,
  request: Request,
  asked: RestRequest,
): Promise<RestAnswer> {
  const { operation, document } = declared;
  const { visitor, operator } = config.database;
  const role = asked.viewer?.role === "operator" ? operator : visitor;
  const settings = conditionOf(operation, asked);
  const { data, freshness } = await graphql.run(
    request,
    { role, viewer: asked.viewer, network: asked.network, ...(settings && { settings }) },
    { document: document.document, variables: variablesOf(declared, request, asked) },
  );
  const found = plainAnswer(document.answer, data);
  if (found === undefined) throw new ApiError("NOT_FOUND");
  const status = Number(Object.keys(operation.responses ?? {}).find((each) => /^2/.test(each)));
  if (status === 204) return { status };
  const isRead = document.kind === "query";
  return {
    status,
    body: found.body,
    headers: {
      ...(isRead && { "Cache-Control": cacheControlOf(freshness), Vary: "Authorization" }),
      ...(status === 200 && { ETag: entityTag(found.body) }),
      ...(found.nextCursor !== undefined && { Link: nextLink(request, found.nextCursor) }),
    },
  };
}

/** Who is signed in has an answer of their own, and so has who asks for what is never kept. */
function cacheControlOf(freshness: Freshness | undefined): string {
  return freshness === undefined ? "private, no-cache" : publicCacheControl(freshness);
}

/**
 * The values of a document's variables; what the request leaves out is left out.
 * @throws {ApiError} UNAUTHENTICATED where a word means who asks, and nobody is signed in
 */
export function variablesOf(
  { operation, document }: Declared,
  { query }: Pick<Request, "query">,
  { params, body, viewer, header }: Pick<RestRequest, "params" | "body" | "viewer" | "header">,
): Record<string, unknown> {
  const members = bodyMembers(document);
  const given: Record<string, unknown> = {
    ...(members === undefined && isRecord(body) && body),
    ...params,
  };
  for (const parameter of operation.parameters ?? []) {
    const name = textIn(parameter, "name") ?? "";
    const value: unknown = query[name];
    if (parameter.in !== "query" || value === undefined) continue;
    const words = parameter["x-variables"];
    if (name === "include") {
      for (const word of [value].flat()) given[includeVariable(String(word))] = true;
    } else if (isRecord(words)) {
      if (viewer === undefined) throw new ApiError("UNAUTHENTICATED");
      const variables = Object.keys(memberOf(words, String(value)) ?? {});
      for (const variable of variables) given[variable] = viewer.userId;
    } else {
      given[name] = spoken(parameter["x-words"], value);
    }
  }
  const key = header("idempotency-key");
  if (key !== undefined) given.idempotencyKey = innerKey(key);
  if (members !== undefined) {
    const own = Object.entries(given).filter(([name]) => members.includes(name));
    given.body = { ...(isRecord(body) && body), ...Object.fromEntries(own) };
  }
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => {
      const variable = document.variables.get(name);
      return variable === undefined ? [] : [[name, graphqlValue(variable.type, value)]];
    }),
  );
}

/** What words mean that REST has and GraphQL has not: `newest` for `primary_key_desc`. */
function spoken(words: unknown, value: unknown): unknown {
  if (!isRecord(words)) return value;
  return Array.isArray(value) ? value.map((each) => words[String(each)]) : words[String(value)];
}

/**
 * What the variable `body` has, where a document has one: the body of the request, together with
 * the parameters of the path that it has room for.
 */
function bodyMembers({ variables }: StoredOperation): string[] | undefined {
  const type = variables.get("body")?.type;
  const named = type === undefined ? undefined : getNamedType(type);
  return isInputObjectType(named) ? Object.keys(named.getFields()) : undefined;
}

/**
 * The key of the mutation. It is another than that of the request, whose answer is kept: both are
 * in one table.
 */
function innerKey(key: string): string {
  return `rest:${createHash("sha256").update(key).digest("hex")}`;
}

/** Tells two answers apart, and of a row with an id also its versions, for `If-Match`. */
function entityTag(body: unknown): string {
  const hash = createHash("sha256").update(JSON.stringify(body)).digest("base64url").slice(0, 22);
  const [id, version] = [textIn(body, "id"), textIn(body, "updatedAt")];
  return id === undefined || version === undefined ? `"${hash}"` : `"${id}/${version}/${hash}"`;
}

/**
 * What `If-Match` says of the row at the address, as a setting of the transaction: a trigger of
 * its table compares the versions.
 * @throws {ApiError} PRECONDITION_FAILED where no tag is one of this row
 */
function conditionOf(
  { parameters = [] }: DocumentedOperation,
  { params, header }: RestRequest,
): Record<string, string> | undefined {
  const condition = header("if-match");
  const isTaken = parameters.some(({ name }) => name === "If-Match");
  if (condition === undefined || !isTaken || condition.trim() === "*") return undefined;
  // As the database writes it: a condition that names no row would be no condition.
  const ids = Object.values(params).map((id) => id.toLowerCase());
  const versions = [...condition.matchAll(/(?<!W\/)"([^"/]+)\/([^"/]+)\/[^"]*"/g)].flatMap(
    ([, tagged = "", version = ""]) => {
      const id = tagged.toLowerCase();
      return ids.includes(id) ? [`${id} ${version}`] : [];
    },
  );
  if (versions.length === 0) throw new ApiError("PRECONDITION_FAILED");
  return { "staybase.if_match": versions.join(",") };
}

function nextLink({ originalUrl }: Request, cursor: string): string {
  const [path = "", query] = originalUrl.split("?");
  const search = new URLSearchParams(query);
  search.set("cursor", cursor);
  return `<${path}?${search}>; rel="next"`;
}
