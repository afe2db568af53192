/**
 * GraphQL over real HTTP for a test file: Express on a free port with real resources on the file's
 * own database. It mounts GraphQL alone, so that what a test sees is GraphQL's doing.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import express from "express";
import {
  type CompleteConfig,
  type Environment,
  SIMULATOR_STRIPE_KEYS,
} from "../../src/config/index.ts";
import { installGraphql } from "../../src/http/graphql.ts";
import { openResources, type Resources } from "../../src/resources/index.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { apiClient, type Client } from "../helpers/client.ts";
import type { TestDatabase } from "../helpers/database.ts";
import { keepLog } from "../helpers/logs.ts";

export interface GraphqlServer {
  readonly url: string;
  readonly resources: Resources;
  /** Somebody who is not signed in. */
  readonly stranger: Client;
  /** Somebody who is. */
  signedIn(userId: string, role?: "visitor" | "operator"): Client;
  tokenOf(userId: string, role?: "visitor" | "operator"): string;
  /** What was logged so far. */
  log(): string;
  dispose(): Promise<void>;
}

/** What may differ from a server in development. */
export interface GraphqlServerOptions {
  readonly environment?: Environment;
  readonly poolSize?: number;
}

/** The session of every token of a test; nothing looks it up but the list of revoked ones. */
export const SESSION = "00000000-0000-4000-8000-00000000005e";

export async function openGraphqlServer(
  database: TestDatabase,
  options: GraphqlServerOptions = {},
): Promise<GraphqlServer> {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const config: CompleteConfig = {
    ...database.config,
    environment: options.environment ?? "test",
    database: { ...database.config.database, poolSize: options.poolSize ?? 4 },
    stripe: {
      ...SIMULATOR_STRIPE_KEYS,
      webhookSecrets: [SIMULATOR_STRIPE_KEYS.webhookSecret],
      apiUrl: "http://127.0.0.1:1",
    },
    mail: { ...database.config.mail, smtpUrl: "smtp://127.0.0.1:1" },
  };
  const resources = await openResources(config, createLogger({ level: "info", destination }));
  const app = express();
  // A test says in X-Forwarded-For where a client is; without it a client is on this machine.
  app.set("trust proxy", "loopback");
  app.use((request, _response, next) => {
    request.id = "request-1";
    next();
  });
  const graphql = await installGraphql(app, resources);
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("There is no port.");
  const url = `http://127.0.0.1:${address.port}`;
  const tokenOf: GraphqlServer["tokenOf"] = (userId, role = "visitor") =>
    resources.tokens.signAccessToken({ userId, sessionId: SESSION, role }).token;
  return {
    url,
    resources,
    stranger: apiClient(url),
    signedIn: (userId, role) => apiClient(url, tokenOf(userId, role)),
    tokenOf,
    log: () => lines.join(""),
    dispose: async () => {
      server.closeAllConnections();
      server.close();
      await graphql.release();
      await resources.dispose();
      keepLog("graphql", lines.join(""));
    },
  };
}

/** The codes of the errors of an answer. */
export function codesOf(answer: {
  readonly errors: readonly { readonly extensions?: { readonly code?: string } }[];
}): (string | undefined)[] {
  return answer.errors.map((error) => error.extensions?.code);
}
