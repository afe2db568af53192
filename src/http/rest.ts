/**
 * Carries the REST operations: the OpenAPI document decides which requests exist and what they look
 * like; the stored document that it names answers, or else the operation of that id. Webhooks come
 * before, for their signature is over the raw bytes.
 */
import { isDeepStrictEqual } from "node:util";
import express, { type Express, type Request, type Response } from "express";
import * as OpenApiValidator from "express-openapi-validator";
import type { OpenAPIV3 } from "express-openapi-validator/dist/framework/types.js";
import { authenticate } from "../resources/authentication.ts";
import type { Resources } from "../resources/index.ts";
import { networkOf } from "../resources/network.ts";
import type { RestAnswer, RestHandler, RestRequest } from "../rest/handler.ts";
import { type KeptAnswer, runOnce } from "../rest/idempotency.ts";
import { operations } from "../rest/index.ts";
import { memberOf, textIn } from "../values.ts";
import { assertAdmitted } from "./admission.ts";
import { readBody } from "./bodies.ts";
import { isKnown } from "./conditional.ts";
import { type Declared, documentOf, readDocuments, runDeclared } from "./declared.ts";
import { declaredFaults } from "./declaredFaults.ts";
import type { Deprecations } from "./deprecation.ts";
import type { InstalledGraphql } from "./graphql.ts";
import { type Documented, inPlace, readOpenapi } from "./openapi.ts";
import { PROBLEM_TYPE, problemOf, toProblem } from "./problems.ts";

/** Installs the one webhook; before any parser of bodies. */
export function installWebhooks(app: Express, resources: Resources): void {
  const raw = express.raw({ type: () => true, limit: "1mb" });
  app.post("/v1/webhooks/stripe", raw, (request, response) =>
    run(resources, handlerOf("receiveStripeEvent"), request, response),
  );
}

/** Installs /v1. Answers are checked against the document too, except in production. */
export async function installRest(
  app: Express,
  resources: Resources,
  graphql: InstalledGraphql,
  documented: readonly Documented[],
  deprecations: Deprecations,
): Promise<void> {
  const handlers = readHandlers(graphql, documented);
  app.use("/v1", (request, _response, next) => {
    // Node leaves out the body of an answer to HEAD by itself; the document knows GET alone.
    if (request.method === "HEAD") request.method = "GET";
    // The validator looks at the address as it came, which may begin with the server's (RFC 9112).
    request.originalUrl = request.originalUrl.replace(ORIGIN, "").replace(ALIAS, "/v1/listings");
    request.url = request.url.replace(ALIAS_HERE, "$1/listings");
    next();
  });
  app.use("/v1", ...readBody);
  app.use(
    OpenApiValidator.middleware({
      apiSpec: withoutRepeats(await readOpenapi()),
      validateRequests: { allowUnknownQueryParameters: false },
      validateResponses: resources.config.environment !== "production",
      // authenticate() decides, as it does for GraphQL.
      validateSecurity: false,
      validateApiSpec: true,
    }),
  );
  app.use("/v1", (request, response, next) => {
    const operationId = documentedOperation(request)?.operationId;
    if (operationId === undefined) {
      next();
      return;
    }
    const handler = handlers(request, operationId);
    deprecations.mark(operationId, request, response);
    return takesIdempotencyKey(request)
      ? runWithKey(resources, operationId, handler, request, response)
      : run(resources, handler, request, response);
  });
}

/**
 * A copy of the document for the validator, which writes into it and, for each response that has a
 * schema, goes through the whole of it once: without those that say what `default` says.
 */
function withoutRepeats(document: OpenAPIV3.DocumentV3_1): OpenAPIV3.DocumentV3_1 {
  const copy = structuredClone(document);
  for (const operation of Object.values(copy.paths ?? {}).flatMap(Object.values)) {
    const { responses } = operation;
    const usual = contentOf(inPlace(copy, responses.default));
    for (const [status, response] of Object.entries(responses)) {
      const isRepeat = isDeepStrictEqual(contentOf(inPlace(copy, response)), usual);
      if (status !== "default" && usual !== undefined && isRepeat) delete responses[status];
    }
  }
  return copy;
}

const contentOf = (response: unknown): unknown => memberOf(response, "content");

/** Some say property where we say listing. */
const ALIAS = /^\/v1\/properties(?=[/?#]|$)/;
/** The same below /v1, where Express has taken that off. */
const ALIAS_HERE = /^(https?:\/\/[^/]*)?\/properties(?=[/?#]|$)/i;
const ORIGIN = /^https?:\/\/[^/]*/i;

/** The handler of a request that the document knows. */
type Handlers = (request: Request, operationId: string) => RestHandler;

/** @throws where the documents do not fit one another, with all that is wrong */
function readHandlers(graphql: InstalledGraphql, documented: readonly Documented[]): Handlers {
  const stored = readDocuments(graphql.schema);
  const faults = declaredFaults(documented, stored);
  if (faults.length > 0) throw new Error(`REST does not fit GraphQL:\n${faults.join("\n")}`);
  const declared = new Map<string, Declared>();
  for (const { operationId, operation } of documented) {
    const document = documentOf(stored, operation);
    if (document !== undefined) declared.set(operationId, { operation, document });
  }
  return (request, operationId) => {
    const found = declared.get(operationId);
    if (found === undefined) return handlerOf(operationId);
    return (resources, asked) => runDeclared(resources, graphql, found, request, asked);
  };
}

/** What the validator says of a request; its parameters may be references. */
interface MatchedOperation {
  readonly operationId?: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly unknown[];
  readonly responses?: unknown;
}

function documentedOperation(request: Request): MatchedOperation | undefined {
  const schema = validated(request, "schema");
  return typeof schema === "object" && schema !== null ? schema : undefined;
}

/** What the validator leaves on a request that it has matched with the document. */
function validated(request: Request, name: "schema" | "pathParams"): unknown {
  return memberOf(memberOf(request, "openapi"), name);
}

/** How an operation refers to the header, once the files of the document are one. */
const IDEMPOTENCY_KEY = "#/components/parameters/IdempotencyKey";

/** Whether the document demands an Idempotency-Key: an operation needs no more than that line. */
function takesIdempotencyKey(request: Request): boolean {
  const parameters = documentedOperation(request)?.parameters ?? [];
  return parameters.some((parameter) => memberOf(parameter, "$ref") === IDEMPOTENCY_KEY);
}

function handlerOf(operationId: string): RestHandler {
  const handler = operations[operationId];
  if (handler === undefined) throw new Error(`No file in src/rest implements ${operationId}.`);
  return handler;
}

async function run(
  resources: Resources,
  handler: RestHandler,
  request: Request,
  response: Response,
): Promise<void> {
  const answer = await handler(resources, await restRequest(resources, request));
  response.status(answer.status);
  // Tokens and client secrets must not stay in a cache on the way.
  response.setHeader("Cache-Control", "no-store");
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    // Others depend on more, such as the origin of the page that asks.
    if (name === "Vary") response.vary(value);
    else if (name === "Link") response.append(name, value);
    else response.setHeader(name, value);
  }
  setLocation(request, response, answer.body);
  if (isKnown(request, answer.headers?.ETag)) {
    response.status(304).end();
    return;
  }
  if (answer.body === undefined) response.end();
  else response.json(answer.body);
}

/** Answers a repeated request with the answer of the first, to the byte. */
async function runWithKey(
  resources: Resources,
  operationId: string,
  handler: RestHandler,
  request: Request,
  response: Response,
): Promise<void> {
  const asked = await restRequest(resources, request);
  const { answer, isReplay } = await runOnce(resources, asked, operationId, async () => {
    try {
      return kept(await handler(resources, asked));
    } catch (thrown) {
      const error = toProblem(thrown, request.body);
      if (!isFinal(error.status)) throw thrown;
      const body = JSON.stringify(problemOf(request, error));
      return { status: error.status, contentType: PROBLEM_TYPE, body };
    }
  });
  if (isReplay) response.setHeader("Idempotent-Replayed", "true");
  response.setHeader("Cache-Control", "no-store");
  response.status(answer.status).type(answer.contentType);
  setLocation(request, response, JSON.parse(answer.body));
  // By `json`, for that is where the validator looks at answers; it makes the same bytes again.
  response.json(JSON.parse(answer.body));
}

/** Where the thing is that was made, where the document says that it is below the collection. */
function setLocation(request: Request, response: Response, body: unknown): void {
  const id = textIn(body, "id");
  const made = memberOf(documentedOperation(request)?.responses, "201");
  const isNamed = memberOf(memberOf(made, "headers"), "Location") !== undefined;
  if (response.statusCode !== 201 || id === undefined || !isNamed) return;
  const [collection] = request.originalUrl.split("?");
  response.setHeader("Location", `${collection}/${id}`);
}

function kept({ status, body }: RestAnswer): KeptAnswer {
  return { status, contentType: "application/json", body: JSON.stringify(body ?? null) };
}

/** A refusal that a repeat would meet again. Time, a new token or luck mends the others. */
function isFinal(status: number): boolean {
  return status < 500 && status !== 429 && status !== 401;
}

async function restRequest(resources: Resources, request: Request): Promise<RestRequest> {
  const { security, operationId } = documentedOperation(request) ?? { security: [] };
  const viewer = security?.length === 0 ? undefined : await readViewer(resources, request);
  assertAdmitted({ security, method: request.method, operationId }, viewer);
  return {
    params: (validated(request, "pathParams") ?? {}) as Record<string, string>,
    query: new URL(request.originalUrl, "http://localhost").searchParams,
    body: request.body,
    viewer,
    network: networkOf(request.ip ?? ""),
    header: (name) => request.get(name),
  };
}

async function readViewer(resources: Resources, request: Request): Promise<RestRequest["viewer"]> {
  return (await authenticate(resources, request.get("authorization"))).viewer;
}
