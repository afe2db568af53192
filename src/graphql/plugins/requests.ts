/**
 * Stands around each GraphQL request: our reader of documents instead of Grafserv's, the judge of
 * rows before planning, and one shape for all errors, also for those that no field made. What every
 * request passes is no middleware of Grafserv or Grafast: what that leaves behind of a request, its
 * answer with it, stays in memory until a full collection of garbage, a tenth of all time in node.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Request } from "express";
import { memberOf, textIn } from "../../values.ts";
import "postgraphile";
import { execute as grafastExecute, type PromiseOrDirect, SafeError } from "postgraphile/grafast";
import type { JSONResult, RequestDigest, Result } from "postgraphile/grafserv";
import {
  type ExecutionArgs,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  type OperationDefinitionNode,
} from "postgraphile/graphql";
import { ApiError, CODE_OF_STATUS, ERRORS } from "../../errors.ts";
import type { Logger } from "../../resources/logger.ts";
import { type Freshness, publicCacheControl } from "../../resources/publicAnswers.ts";
import { type AskedBy, formatApiError, maskError } from "../errors.ts";
import { freshnessOf } from "../freshness.ts";
import { createDocumentReader, type ReadDocument } from "../limits/documents.ts";
import { LIMITS } from "../limits/limits.ts";
import { type KeptPlans, keptPlansBySchema } from "../limits/plans.ts";
import { judgeRows } from "../limits/rows.ts";
import type { Sender } from "../pgService.ts";
import { quietly } from "../quietly.ts";
import { Timing, timed } from "../timing.ts";
import { type TrustedDocuments, trustedText } from "../trusted.ts";

export interface RequestsOptions {
  readonly introspection: boolean;
  readonly logger: Logger;
  /** Whether the sender of a request is signed in. */
  readonly isSignedIn: (request: IncomingMessage) => boolean;
  /** Whether the sender of a request is told what took how long. */
  readonly isTimed: (request: IncomingMessage) => boolean;
  /** Who pays for what a request costs. */
  readonly clientOf: (request: IncomingMessage) => string;
  /** Takes a cost from a client's account, or refuses; says so in the headers of the answer. */
  readonly spend: Spend;
  /** Is told of an answer that is every visitor's, and for how long it is. */
  readonly offer: Offer;
  readonly trusted: TrustedDocuments | undefined;
}

export type Offer = (request: IncomingMessage, freshness: Freshness) => void;

export type Spend = (client: string, cost: number, response?: ServerResponse) => Promise<void>;

/** What is known of the request that is being answered. */
interface Asked extends AskedBy {
  readonly client: string;
  readonly request: IncomingMessage | undefined;
  readonly response: ServerResponse | undefined;
  /** Whether the answer is the same for all who are not signed in: it is asked for by its name. */
  readonly isPublic: boolean;
  /** Where there is one, the sender is told what took how long. */
  readonly timing?: Timing;
  /** For how long the answer is every visitor's; undefined where it is not. */
  freshness?: Freshness;
  isHeavy: boolean;
  isRead: boolean;
  /** Whether planning is paid for: it was to be expected. */
  hasPaidPlan: boolean;
}

/** Runs what answers a request without Grafserv, as whoever sent it. */
export type Within = <T>(
  context: Partial<Grafast.RequestContext>,
  answer: () => Promise<T>,
) => Promise<T>;

/** Answers a request as Grafserv knows it; `answer` is Grafserv itself. */
export type Around = (
  digest: RequestDigest,
  answer: () => PromiseOrDirect<Result | null>,
) => Promise<Result | null>;

export interface Requests {
  readonly plugin: GraphileConfig.Plugin;
  /** For Grafserv, which knows nothing of the request itself. */
  readonly mask: (error: GraphQLError) => GraphQLError;
  /** For whom a statement is sent. */
  readonly asker: () => Sender | undefined;
  readonly around: Around;
  readonly execute: typeof grafastExecute;
  readonly within: Within;
}

export function createRequests(options: RequestsOptions): Requests {
  const { logger, trusted } = options;
  const requests = new AsyncLocalStorage<Asked>();
  const asker = (): Asked | undefined => requests.getStore();
  const readerOf = readersBySchema(options, asker);
  const plansOf = keptPlansBySchema();
  const execute: typeof grafastExecute = (args) =>
    executeFor(args, asker(), plansOf(args.schema), options);
  const plugin: GraphileConfig.Plugin = {
    name: "StaybaseRequestsPlugin",
    version: "1.0.0",
    grafserv: {
      middleware: {
        setPreset(next, event) {
          const { getExecutionConfig } = event;
          event.getExecutionConfig = async function (context) {
            const config = await getExecutionConfig.call(this, context);
            return { ...config, parseAndValidate: readerOf(config.schema), execute };
          };
          return next();
        },
        ...(trusted && {
          processGraphQLRequestBody(next, { body }) {
            body.query = trustedQuery(trusted, body);
            return next();
          },
        }),
      },
    },
  };
  return {
    plugin,
    mask: (error) => maskError(error, logger, asker()),
    asker,
    around: (digest, answer) => {
      // As an object the answer can be looked at; it is made text right after.
      digest.preferJSON = true;
      const asked = forAll(readRequest(digest.requestContext, options), digest);
      return requests.run(asked, async () =>
        charge(finish(await answer(), logger, asked), asked, options),
      );
    },
    execute,
    within: (context, answer) => requests.run(readRequest(context, options), answer),
  };
}

/** Runs an operation that is admitted, and counts the plan that it was given. */
async function executeFor(
  args: Parameters<typeof grafastExecute>[0],
  asked: Asked | undefined,
  plans: KeptPlans,
  options: RequestsOptions,
): Promise<Awaited<ReturnType<typeof grafastExecute>>> {
  const { schema, document, operationName } = args;
  const operation = getOperationAST(document, operationName);
  try {
    const refusal = await refusalOf(admit(args, operation, asked, plans, options));
    if (refusal !== undefined) return refusal;
    const started = performance.now();
    // It plans at once, before it waits for anything.
    const running = quietly(() => grafastExecute(args));
    const planned = operation ? plans.count(schema, operation) : 0;
    if (planned > 0) asked?.timing?.planned(performance.now() - started);
    payForPlan(planned, asked, options);
    const result = await running;
    offerToAll(args, result, asked, options);
    return result;
  } finally {
    asked?.timing?.tell(asked.freshness !== undefined);
  }
}

/** The reader of documents of each schema that is served. */
function readersBySchema(
  options: RequestsOptions,
  asker: () => Asked | undefined,
): (schema: GraphQLSchema) => (source: string) => ReadDocument {
  const readers = new WeakMap<GraphQLSchema, (source: string) => ReadDocument>();
  return (schema) => {
    const reader = readers.get(schema) ?? createDocumentReader(schema, options);
    readers.set(schema, reader);
    const timing = asker()?.timing;
    return (source) => timed(timing && ((ms) => timing.read(ms)), () => reader(source));
  };
}

/** The refusal as an error that Grafserv passes on as it is, and writes to no log. */
function trustedQuery(trusted: TrustedDocuments, body: unknown): string {
  try {
    return trustedText(trusted, body);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { message, extensions } = formatApiError(error);
    throw new SafeError(message, { ...extensions, statusCode: error.status });
  }
}

/**
 * Judges an operation before it is planned, and takes what it costs from who asks.
 * @throws {ApiError}
 */
async function admit(
  args: ExecutionArgs,
  operation: OperationDefinitionNode | null | undefined,
  asked: Asked | undefined,
  plans: KeptPlans,
  options: RequestsOptions,
): Promise<void> {
  if (!operation) return;
  const { schema, document, variableValues } = args;
  const { coerced } = getVariableValues(
    schema,
    operation.variableDefinitions ?? [],
    variableValues ?? {},
  );
  // Grafast coerces them as well, and says what is wrong with them.
  if (coerced === undefined) return;
  if (asked !== undefined) asked.variables = coerced;
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const definition of document.definitions) {
    if (definition.kind === "FragmentDefinition") fragments[definition.name.value] = definition;
  }
  const cost = judgeRows({ schema, operation, fragments, variableValues: coerced });
  plans.expect(operation, cost.selections);
  if (asked === undefined) return;
  asked.isHeavy = cost.isHeavy;
  asked.isRead = operation.operation === "query";
  asked.hasPaidPlan = !plans.has(operation);
  const planning = asked.hasPaidPlan ? cost.selections * LIMITS.planningCost : 0;
  await options.spend(asked.client, cost.total + planning, asked.response);
}

/** What a visitor is told without an error is every visitor's, as far as freshness.ts says so. */
function offerToAll(
  args: ExecutionArgs,
  result: object,
  asked: Asked | undefined,
  { offer }: RequestsOptions,
): void {
  if (asked?.request === undefined || asked.isSignedIn) return;
  const data = memberOf(result, "data");
  if (memberOf(result, "errors") !== undefined || data === undefined) return;
  const freshness = freshnessOf(args, data);
  if (freshness === undefined) return;
  asked.freshness = freshness;
  offer(asked.request, freshness);
}

/**
 * An operation has a plan for each choice of what `@include` and `@skip` leave out: who makes it be
 * planned again pays for that, too. It is known only afterwards, and is gone from what is left.
 */
function payForPlan(
  selections: number,
  asked: Asked | undefined,
  { spend }: RequestsOptions,
): void {
  if (asked === undefined || selections === 0 || asked.hasPaidPlan) return;
  spend(asked.client, selections * LIMITS.planningCost).catch(noop);
}

/** The answer of an operation that is not admitted. */
async function refusalOf(admitted: Promise<void>): Promise<{ errors: GraphQLError[] } | undefined> {
  try {
    await admitted;
    return undefined;
  } catch (error) {
    return { errors: [toGraphQLError(error)] };
  }
}

const toGraphQLError = (error: unknown): GraphQLError =>
  new GraphQLError(textIn(error, "message") ?? "", { originalError: error as Error });

/** The identity of a sender is known only for /graphql itself; pages need none. */
function readRequest(context: Partial<Grafast.RequestContext>, options: RequestsOptions): Asked {
  const request = context.expressv4?.req;
  const { introspection } = options;
  if (request === undefined) {
    return {
      requestId: undefined,
      isSignedIn: false,
      introspection,
      client: "",
      request: undefined,
      response: undefined,
      isPublic: false,
      isHeavy: false,
      isRead: false,
      hasPaidPlan: false,
    };
  }
  const id: unknown = Reflect.get(request, "id");
  const response = context.expressv4?.res;
  const isSignedIn = options.isSignedIn(request);
  return {
    requestId: typeof id === "string" ? id : undefined,
    isSignedIn,
    introspection,
    client: options.clientOf(request),
    request,
    response,
    ...(response && options.isTimed(request) && { timing: new Timing(response) }),
    isPublic: false,
    isHeavy: false,
    isRead: false,
    hasPaidPlan: false,
  };
}

/**
 * What a visitor asks by GET is a document that has a name: a cache on the way may keep the answer
 * for all. What one client has left is nobody else's to read in it.
 */
function forAll(asked: Asked, { method }: { readonly method: string }): Asked {
  if (method !== "GET" || asked.isSignedIn) return asked;
  return { ...asked, isPublic: true, response: undefined };
}

const JSON_TYPE = "application/json";
const RESPONSE_TYPE = "application/graphql-response+json";

/**
 * What a client gets by the rules of GraphQL over HTTP, whoever answers it. One that takes anything
 * may be older than the type of GraphQL's own. One that takes neither, or whose header cannot be
 * read, gets JSON, as RFC 9110 allows.
 */
export function answerType(request: Request): string {
  // A client may say the charset, and then the type alone is not what it asks for.
  const offered = [JSON_TYPE, RESPONSE_TYPE].flatMap((type) => [type, `${type};charset=utf-8`]);
  const best = request.accepts(offered) || JSON_TYPE;
  return best.startsWith(RESPONSE_TYPE) ? RESPONSE_TYPE : JSON_TYPE;
}

function finish(result: Result | null, logger: Logger, asked: Asked): Result | null {
  if (result?.type === "error") return refuse(result.statusCode, result.error, logger, asked);
  if (result?.type !== "json") return result;
  const { json } = result;
  if (typeof json !== "object" || json === null || Array.isArray(json)) return result;
  const { errors } = json;
  if (errors === undefined && asked.isPublic && asked.freshness !== undefined) {
    return publicResult(result, asked.freshness);
  }
  // With data there is an answer, and 200 is right whatever some fields say.
  if (!Array.isArray(errors) || json.data !== undefined) return result;
  const [status] = errors.flatMap(statusOf);
  if (status === undefined) {
    return refuse(result.statusCode, messageOf(errors[0]), logger, asked);
  }
  // Clients that ask for application/json get 200 by the rules of GraphQL over HTTP.
  return result.statusCode === 200 ? result : { ...result, statusCode: status };
}

function refuse(
  statusCode: number,
  cause: unknown,
  logger: Logger,
  { requestId: id, request }: Asked,
): JSONResult {
  const code = CODE_OF_STATUS[statusCode] ?? (statusCode < 500 ? "INVALID_INPUT" : "INTERNAL");
  if (code === "INTERNAL") logger.error({ err: cause, requestId: id }, "a GraphQL request failed");
  const words = cause instanceof Error ? cause.message : cause;
  const message = code === "INVALID_INPUT" && typeof words === "string" ? words : undefined;
  const error = formatApiError(new ApiError(code, message), id);
  const type = request === undefined ? JSON_TYPE : answerType(request as Request);
  return {
    type: "json",
    statusCode: statusCode === 200 ? ERRORS[code].status : statusCode,
    headers: { "content-type": `${type};charset=utf-8` },
    json: JSON.parse(JSON.stringify({ errors: [error] })),
  };
}

/** A visitor's answer to a trusted document, as caches on the way may keep it. */
function publicResult({ json, headers, statusCode }: JSONResult, freshness: Freshness): Result {
  const buffer = Buffer.from(JSON.stringify(json));
  const etag = `"${createHash("sha256").update(buffer).digest("base64url").slice(0, 22)}"`;
  const more = { "cache-control": publicCacheControl(freshness), etag };
  const length = { "content-length": String(buffer.length) };
  return { type: "buffer", statusCode, buffer, headers: { ...headers, ...more, ...length } };
}

/** Whether an answer says that a document was refused, before it ran. */
function isRefusal(result: Result | null): boolean {
  const answer: unknown = result?.type === "json" ? result.json : undefined;
  const errors = memberOf(answer, "errors");
  if (!Array.isArray(errors) || memberOf(answer, "data") !== undefined) return false;
  return errors.some((error) => memberOf(memberOf(error, "extensions"), "status") === 400);
}

/** Who goes on sending what is refused has spent it all at some time. */
async function charge(
  result: Result | null,
  { client, response }: Asked,
  { spend }: RequestsOptions,
): Promise<Result | null> {
  if (isRefusal(result)) await spend(client, LIMITS.refusalCost, response).catch(noop);
  return result;
}

const noop = (): void => undefined;

function statusOf(error: unknown): number[] {
  const extensions = memberOf(error, "extensions");
  const status = memberOf(extensions, "status");
  return typeof status === "number" ? [status] : [];
}

function messageOf(error: unknown): unknown {
  return memberOf(error, "message");
}
