/**
 * The server: the app on a port. `npm run start:server` runs it alone, in as many processes as
 * wanted; `npm start` runs it together with the worker. It holds no state.
 */
import "./config/libraries.ts";

import { createServer } from "node:http";
import type { Router } from "express";
import { type AppOptions, createApp } from "./app.ts";
import { type RunningWork, runProcess } from "./process.ts";
import type { Resources } from "./resources/index.ts";
import { listen } from "./resources/listen.ts";

/** How long requests that run may take to finish when the server stops, in milliseconds. */
const STOP_MS = 10_000;

/** What connections may cost. */
export interface ConnectionLimits {
  /** Milliseconds without a byte in either direction. */
  readonly idleMs: number;
  /** Connections at a time on one address; more are closed as they come. */
  readonly most: number;
}

const CONNECTION_LIMITS: ConnectionLimits = {
  // Twice what the slowest request needs. Who has read nothing of an answer for so long is gone,
  // or wants us to keep it in memory.
  idleMs: 60_000,
  // Behind a load balancer there are some dozens. Each may hold an answer of some hundred
  // kilobytes, so that this many slow readers still fit into the memory of a small machine.
  most: 2000,
};

export interface RunningServer extends RunningWork {
  readonly port: number;
  /** Takes no more requests, waits for those that run, and lets the port go. */
  stop(): Promise<void>;
}

export interface ServerOptions extends Pick<AppOptions, "pages" | "people"> {
  readonly limits?: ConnectionLimits | undefined;
}

export async function startServer(
  resources: Resources,
  options: ServerOptions = {},
): Promise<RunningServer> {
  const { limits = CONNECTION_LIMITS, ...shown } = options;
  const readiness = { stopping: false };
  const app = await createApp(resources, { readiness, ...shown });
  const listening = await listen(() => {
    const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, app.express);
    server.keepAliveTimeout = 65_000;
    server.timeout = limits.idleMs;
    server.maxConnections = limits.most;
    return server;
  }, resources.config.http);
  return {
    port: listening.port,
    stop: async () => {
      readiness.stopping = true;
      resources.logger.info("the server stops: it finishes what runs");
      await listening.close(STOP_MS);
      await app.release();
    },
  };
}

/**
 * The pages of the stand-ins. They ask nobody who they are, so production has none, nor has a
 * server that others reach: behind a proxy, not even loopback means that nobody else does.
 */
export async function standInPages(resources: Resources): Promise<Record<string, Router>> {
  const { isLocal, mail } = resources.config;
  if (!isLocal || !mail.isStandIn) return {};
  const { createMailboxPage } = await import("./dev/mailboxPage.ts");
  return { "/dev/mail": createMailboxPage(mail.mailboxDir) };
}

if (import.meta.main) {
  void runProcess("server", async (resources) => {
    const server = await startServer(resources, { pages: await standInPages(resources) });
    resources.logger.info({ port: server.port }, "the server listens");
    return server;
  });
}
