/**
 * Mounts GraphQL: who sends the request is settled here, once, before Grafserv reads a byte of it;
 * the rest is src/graphql. It must come before any parser of bodies, or their limit would hold
 * instead of ours.
 */
import type { Express, NextFunction, Request, RequestHandler, Response } from "express";
import { postgraphile } from "postgraphile";
import { hookArgs } from "postgraphile/grafast";
import type { GrafservConfig, RequestDigest, Result } from "postgraphile/grafserv";
import { ExpressGrafserv } from "postgraphile/grafserv/express/v4";
import type { DocumentNode, GraphQLSchema } from "postgraphile/graphql";
import { toApiError } from "../databaseErrors.ts";
import { ApiError } from "../errors.ts";
import { assertMigrated } from "../graphql/assertMigrated.ts";
import { apiErrorOf, formatApiError } from "../graphql/errors.ts";
import { LIMITS } from "../graphql/limits/limits.ts";
import { type Around, answerType, type Spend } from "../graphql/plugins/requests.ts";
import { type Asking, createApi } from "../graphql/preset.ts";
import { readTrustedDocuments, type TrustedDocuments } from "../graphql/trusted.ts";
import { Kept } from "../kept.ts";
import { authenticate, type Identity } from "../resources/authentication.ts";
import type { Resources } from "../resources/index.ts";
import { networkOf } from "../resources/network.ts";
import type { Freshness } from "../resources/publicAnswers.ts";
import { readCoded } from "./coded.ts";
import { readOperations } from "./openapi.ts";
import { offerAnswer, offeredFreshness } from "./publicCache.ts";

/** What is mounted, and how to give back what it holds. The pool stays open: it is not ours. */
export interface InstalledGraphql {
  readonly schema: GraphQLSchema;
  /**
   * Runs a stored document for a request that came elsewhere, as whoever sends it.
   * @throws {ApiError} what the first error of the answer says
   */
  run(request: Request, asking: Asking, stored: StoredRun): Promise<StoredAnswer>;
  release(): Promise<void>;
}

export interface StoredAnswer {
  readonly data: unknown;
  /** How long it stays true for all visitors; undefined where it is the sender's alone. */
  readonly freshness: Freshness | undefined;
}

export interface StoredRun {
  readonly document: DocumentNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * Mounts /graphql, and /graphiql outside production, when the schema has been built.
 * @throws when the database cannot be reached, or tags.json5 does not fit it
 */
export async function installGraphql(
  app: Express,
  resources: Resources,
): Promise<InstalledGraphql> {
  const { config, pool, logger } = resources;
  await assertMigrated(pool);
  const introspection = config.environment !== "production";
  const identities = new WeakMap<object, Asking>();
  const accounts = createAccounts(resources);
  const { preset, around, execute, mask, within } = createApi({
    pool,
    operator: config.database.operator,
    logger,
    introspection,
    identityOf: (request) => identities.get(request),
    clientOf: (request) => clientOf(request as Request, identities.get(request)),
    spend: accounts.spend,
    offer: offerAnswer,
    trusted: trustedOf(config.http.trustedDocuments),
    coded: await readCoded(resources, await readOperations()),
  });
  const instance = postgraphile(preset);
  const server = instance.createServ((settings) => new Serving(settings, around));
  // The first request must not wait for the schema, and a schema that fails must stop the start.
  const { schema, resolvedPreset } = await instance.getSchemaResult();
  await server.ready();
  app.use("/graphql", (request, response, next) =>
    admit(resources, identities, accounts, request, response, next),
  );
  if (introspection) app.use(["/graphiql", "/ruru-static"], relaxForGraphiql);
  await server.addTo(app, null, false);
  // It releases the server that it made, too.
  const run: InstalledGraphql["run"] = async (request, asking, { document, variables }) => {
    identities.set(request, asking);
    accounts.check(clientOf(request, asking));
    const requestContext = { expressv4: { req: request, res: request.res as Response } };
    return within(requestContext, async () => {
      const args = { schema, document, resolvedPreset, requestContext, variableValues: variables };
      const result = await execute((await hookArgs(args)) as typeof args);
      if (Symbol.asyncIterator in result) throw new Error("A stored document does not stream.");
      const [error] = result.errors ?? [];
      if (error !== undefined) throw apiErrorOf(mask(error));
      return { data: result.data, freshness: offeredFreshness(request) };
    });
  };
  return { schema, run, release: async () => instance.release() };
}

/** Grafserv, with what stands around each request. */
class Serving extends ExpressGrafserv {
  readonly #around: Around;

  constructor(settings: GrafservConfig, around: Around) {
    super(settings);
    this.#around = around;
  }

  protected override processRequest(digest: RequestDigest): Promise<Result | null> {
    return this.#around(digest, () => super.processRequest(digest));
  }
}

function trustedOf(folder: string | undefined): TrustedDocuments | undefined {
  return folder === undefined ? undefined : readTrustedDocuments(folder);
}

/** A person, or else the address; the machine itself, and what runs on it, is neither. */
function clientOf({ ip = "" }: Request, identity: Identity | undefined): string {
  if (/^(::1$|(::ffff:)?127\.)/.test(ip)) return LOCAL;
  return identity?.viewer ? `person ${identity.viewer.userId}` : `address ${networkOf(ip)}`;
}

const LOCAL = "local";

/** What clients have spent. */
interface Accounts {
  /** @throws {ApiError} `RATE_LIMITED` where the client has spent more than there is */
  readonly spend: Spend;
  /** The same for one who is known to have spent all, before anything of theirs is read. */
  check(client: string): void;
}

function createAccounts(resources: Resources): Accounts {
  const limiter = resources.rateLimiter({
    name: "graphql-cost",
    points: LIMITS.costPerTenSeconds,
    seconds: 10,
  });
  /** When they may ask again. */
  const empty = new Kept<string, number>(10_000);
  return {
    spend: async (client, cost, response) => {
      if (client === LOCAL) return;
      const { allowed, remaining, resetSeconds } = await limiter.consume(client, cost);
      if (response?.headersSent === false) {
        response.setHeader("RateLimit-Policy", `"cost";q=${LIMITS.costPerTenSeconds};w=10`);
        response.setHeader("RateLimit", `"cost";r=${remaining};t=${resetSeconds}`);
      }
      if (allowed) return;
      empty.set(client, Date.now() + resetSeconds * 1000, 1);
      throw rateLimited(resetSeconds);
    },
    check: (client) => {
      const waitMs = (empty.get(client) ?? 0) - Date.now();
      if (waitMs > 0) throw rateLimited(Math.ceil(waitMs / 1000));
    },
  };
}

function rateLimited(seconds: number): ApiError {
  const message = `You have asked for too much at once. Wait ${seconds} seconds.`;
  return new ApiError("RATE_LIMITED", message, { details: { retryAfterSeconds: seconds } });
}

async function admit(
  resources: Resources,
  identities: WeakMap<object, Asking>,
  accounts: Accounts,
  request: Request,
  response: Response,
  next: NextFunction,
): Promise<void> {
  // Node leaves out the body of an answer to HEAD by itself; Grafserv knows GET alone.
  if (request.method === "HEAD") request.method = "GET";
  try {
    const length = Number(request.headers["content-length"] ?? 0);
    if (length > LIMITS.bodyBytes) throw new ApiError("PAYLOAD_TOO_LARGE");
    // Grafserv prefers the newer type where a client takes any, and fails on what it cannot read.
    request.headers.accept = answerType(request);
    const network = networkOf(request.ip ?? "");
    const identity = await authenticate(resources, request.headers.authorization);
    identities.set(request, { ...identity, network });
    accounts.check(clientOf(request, identity));
  } catch (thrown) {
    refuse(resources, request, response, thrown);
    return;
  }
  // What depends on who asks is nobody else's, nor for a cache on the way. What a cache may keep
  // depends on the origin of a page as well, which CORS has said.
  response.setHeader("Cache-Control", "no-store");
  response.vary("Authorization, Accept");
  next();
}

function refuse(resources: Resources, request: Request, response: Response, thrown: unknown): void {
  const error = toApiError(thrown);
  const id = typeof request.id === "string" ? request.id : undefined;
  if (error.status >= 500) {
    resources.logger.error({ err: thrown, requestId: id }, "a GraphQL request was not let in");
  }
  if (error.status === 401) {
    response.setHeader("WWW-Authenticate", 'Bearer error="invalid_token"');
  }
  const body = JSON.stringify({ errors: [formatApiError(error, id)] });
  response.status(error.status).type(answerType(request)).send(body);
}

/** GraphiQL writes scripts into its page and runs workers; it is there in development alone. */
const relaxForGraphiql: RequestHandler = (_request, response, next) => {
  response.setHeader(
    "Content-Security-Policy",
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; " +
      "style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' data:; " +
      "worker-src 'self' blob:; connect-src 'self'",
  );
  next();
};
