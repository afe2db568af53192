/**
 * Carries the REST operations: the OpenAPI document decides which requests exist and what they look
 * like, the operation of that id answers. Webhooks come before, for their signature is over the raw
 * bytes.
 */

import express, { type Express, type Request, type Response } from "express";
import * as OpenApiValidator from "express-openapi-validator";
import { ApiError } from "../errors.ts";
import { authenticate } from "../resources/authentication.ts";
import type { Resources } from "../resources/index.ts";
import type { RestAnswer, RestHandler, RestRequest } from "../rest/handler.ts";
import { type KeptAnswer, runOnce } from "../rest/idempotency.ts";
import { operations } from "../rest/index.ts";
import { memberOf } from "../values.ts";
import { OPENAPI_FILE } from "./openapi.ts";
import { PROBLEM_TYPE, problemOf, toProblem } from "./problems.ts";

/** Installs the one webhook; before any parser of bodies. */
export function installWebhooks(app: Express, resources: Resources): void {
  const raw = express.raw({ type: () => true, limit: "1mb" });
  app.post("/v1/webhooks/stripe", raw, (request, response) =>
    run(resources, handlerOf("receiveStripeEvent"), request, response),
  );
}

/** Installs /v1. Answers are checked against the document too, except in production. */
export function installRest(app: Express, resources: Resources): void {
  // Node leaves out the body of an answer to HEAD by itself; the document knows GET alone.
  app.use("/v1", (request, _response, next) => {
    if (request.method === "HEAD") request.method = "GET";
    next();
  });
  app.use("/v1", express.json({ limit: "100kb" }));
  app.use(
    OpenApiValidator.middleware({
      apiSpec: OPENAPI_FILE,
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
    const handler = handlerOf(operationId);
    return takesIdempotencyKey(request)
      ? runWithKey(resources, operationId, handler, request, response)
      : run(resources, handler, request, response);
  });
}

interface DocumentedOperation {
  readonly operationId?: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly unknown[];
}

function documentedOperation(request: Request): DocumentedOperation | undefined {
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
  // By `json`, for that is where the validator looks at answers; it makes the same bytes again.
  response.json(JSON.parse(answer.body));
}

function kept({ status, body }: RestAnswer): KeptAnswer {
  return { status, contentType: "application/json", body: JSON.stringify(body ?? null) };
}

/** A refusal that a repeat would meet again. Time, a new token or luck mends the others. */
function isFinal(status: number): boolean {
  return status < 500 && status !== 429 && status !== 401;
}

/** Every documented operation needs a token, unless its own `security` is empty. */
async function restRequest(resources: Resources, request: Request): Promise<RestRequest> {
  const operation = documentedOperation(request);
  const isPublic = operation === undefined || operation.security?.length === 0;
  const viewer = isPublic ? undefined : await signedIn(resources, request);
  return {
    params: (validated(request, "pathParams") ?? {}) as Record<string, string>,
    body: request.body,
    viewer,
    ip: request.ip ?? "",
    header: (name) => request.get(name),
  };
}

async function signedIn(resources: Resources, request: Request): Promise<RestRequest["viewer"]> {
  const { viewer } = await authenticate(resources, request.get("authorization"));
  if (viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  return viewer;
}
