/**
 * The server: the app on a port. `npm run start:server` runs it alone, in as many processes as
 * wanted; `npm start` runs it together with the worker. It holds no state.
 */
import { createServer } from "node:http";
import type { Socket } from "node:net";
import type { Router } from "express";
import { createApp } from "./app.ts";
import { createMailboxPage } from "./dev/mailboxPage.ts";
import { runProcess } from "./process.ts";
import type { Resources } from "./resources/index.ts";
import { listen } from "./resources/listen.ts";

/** How long requests that run may take to finish when the server stops, in milliseconds. */
const STOP_MS = 10_000;

export interface RunningServer {
  readonly port: number;
  /** Takes no more requests, waits for those that run, and lets the port go. */
  stop(): Promise<void>;
}

export async function startServer(
  resources: Resources,
  pages: Readonly<Record<string, Router>> = {},
): Promise<RunningServer> {
  const readiness = { stopping: false };
  const app = await createApp(resources, { readiness, pages });
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, app.express);
  server.keepAliveTimeout = 65_000;
  // Connections that have not asked for anything yet: browsers open some in advance.
  const silent = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  server.on("request", (request) => silent.delete(request.socket));
  const listening = await listen(server, resources.config.http);
  return {
    port: listening.port,
    stop: async () => {
      readiness.stopping = true;
      resources.logger.info("the server stops: it finishes what runs");
      listening.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      for (const socket of silent) socket.destroy();
      const late = setTimeout(() => server.closeAllConnections(), STOP_MS);
      await closed;
      clearTimeout(late);
      await app.release();
    },
  };
}

/** The pages of the stand-ins; production has none. */
export function standInPages(resources: Resources): Record<string, Router> {
  const { config } = resources;
  if (!config.allowStandIns) return {};
  return { "/dev/mail": createMailboxPage(config.mail.mailboxDir) };
}

if (import.meta.main) {
  void runProcess("server", async (resources) => {
    const server = await startServer(resources, standInPages(resources));
    resources.logger.info({ port: server.port }, "the server listens");
    return () => server.stop();
  });
}
