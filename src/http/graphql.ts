/**
 * Mounts GraphQL: who sends the request is settled here, once, before Grafserv reads a byte of it;
 * the rest is src/graphql. It must come before any parser of bodies, or their limit would hold
 * instead of ours.
 */
import type { Express, NextFunction, Request, RequestHandler, Response } from "express";
import { postgraphile } from "postgraphile";
import { grafserv } from "postgraphile/grafserv/express/v4";
import { toApiError } from "../databaseErrors.ts";
import { ApiError } from "../errors.ts";
import { assertMigrated } from "../graphql/assertMigrated.ts";
import { formatApiError } from "../graphql/errors.ts";
import { Kept } from "../graphql/limits/kept.ts";
import { LIMITS } from "../graphql/limits/limits.ts";
import { answerType } from "../graphql/plugins/requests.ts";
import { createPreset } from "../graphql/preset.ts";
import { authenticate, type Identity } from "../resources/authentication.ts";
import type { Resources } from "../resources/index.ts";
import { networkOf } from "../rest/limits.ts";

/** What is mounted, and how to give back what it holds. The pool stays open: it is not ours. */
export interface InstalledGraphql {
  release(): Promise<void>;
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
  const identities = new WeakMap<object, Identity>();
  const accounts = createAccounts(resources);
  const preset = createPreset({
    pool,
    operator: config.database.operator,
    logger,
    introspection,
    identityOf: (request) => identities.get(request),
    clientOf: (request) => clientOf(request as Request, identities.get(request)),
    spend: accounts.spend,
  });
  const instance = postgraphile(preset);
  const server = instance.createServ(grafserv);
  // The first request must not wait for the schema, and a schema that fails must stop the start.
  await instance.getSchema();
  await server.ready();
  app.use("/graphql", (request, response, next) =>
    admit(resources, identities, accounts, request, response, next),
  );
  if (introspection) app.use(["/graphiql", "/ruru-static"], relaxForGraphiql);
  await server.addTo(app, null, false);
  // It releases the server that it made, too.
  return { release: async () => instance.release() };
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
  spend(client: string, cost: number): Promise<void>;
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
    spend: async (client, cost) => {
      if (client === LOCAL) return;
      const { allowed, resetSeconds } = await limiter.consume(client, cost);
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
  identities: WeakMap<object, Identity>,
  accounts: Accounts,
  request: Request,
  response: Response,
  next: NextFunction,
): Promise<void> {
  try {
    const length = Number(request.headers["content-length"] ?? 0);
    if (length > LIMITS.bodyBytes) throw new ApiError("PAYLOAD_TOO_LARGE");
    // Grafserv prefers the newer type where a client takes any, and fails on what it cannot read.
    request.headers.accept = answerType(request);
    const identity = await authenticate(resources, request.headers.authorization);
    identities.set(request, identity);
    accounts.check(clientOf(request, identity));
  } catch (thrown) {
    refuse(resources, request, response, thrown);
    return;
  }
  // What depends on who asks is nobody else's, nor for a cache on the way.
  response.setHeader("Cache-Control", "no-store");
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
