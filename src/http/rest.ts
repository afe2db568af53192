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
import type { RestHandler, RestRequest } from "../rest/handler.ts";
import { operations } from "../rest/index.ts";
import { memberOf } from "../values.ts";
import { OPENAPI_FILE } from "./openapi.ts";

/** Installs the one webhook; before any parser of bodies. */
export function installWebhooks(app: Express, resources: Resources): void {
  const raw = express.raw({ type: () => true, limit: "1mb" });
  app.post("/v1/webhooks/stripe", raw, (request, response) =>
    run(resources, handlerOf("receiveStripeEvent"), request, response),
  );
}

/** Installs /v1. Answers are checked against the document too, except in production. */
export function installRest(app: Express, resources: Resources): void {
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
    return run(resources, handlerOf(operationId), request, response);
  });
}

interface DocumentedOperation {
  readonly operationId?: string;
  readonly security?: readonly unknown[];
}

function documentedOperation(request: Request): DocumentedOperation | undefined {
  const schema = validated(request, "schema");
  return typeof schema === "object" && schema !== null ? schema : undefined;
}

/** What the validator leaves on a request that it has matched with the document. */
function validated(request: Request, name: "schema" | "pathParams"): unknown {
  return memberOf(memberOf(request, "openapi"), name);
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
