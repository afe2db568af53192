/**
 * A process that runs servers for the tests of several files, one after another or at once. To load
 * and compile a server takes seconds, and to start one that is loaded a fraction of that. Each has
 * its own configuration, resources, log and port, as in a process of its own.
 *
 * It listens on the socket that it is given. A request is the life of a server: the first line of its
 * body is the environment as JSON, its end stops the server, and the answer is what the server logs.
 */
import "../../src/config/libraries.ts";

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { loadConfig } from "../../src/config/index.ts";
import { startWork } from "../../src/process.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { standInPages, startServer } from "../../src/server.ts";

const [socket = "", parent = ""] = process.argv.slice(2);
const CHECK_MS = 2000;
/** What each server that runs is told of an error that nobody caught. */
const listeners = new Set<(text: string) => void>();

/** The environment, and a promise that is fulfilled when the server is to stop. */
async function readOrder(
  request: IncomingMessage,
): Promise<{ readonly env: Record<string, string>; readonly ended: Promise<void> }> {
  const ended = new Promise<void>((resolve) => {
    for (const event of ["end", "error", "close"]) request.once(event, () => resolve());
  });
  const env = await new Promise<Record<string, string>>((resolve, reject) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.endsWith("\n")) resolve(JSON.parse(text) as Record<string, string>);
    });
    request.once("close", () => reject(new Error("The order was not given to its end.")));
  });
  return { env, ended };
}

async function live(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const write = (text: string): void => void response.write(text);
  response.flushHeaders();
  listeners.add(write);
  try {
    const { env, ended } = await readOrder(request);
    const config = loadConfig(env);
    const logger = createLogger({ level: config.logLevel, name: "server", destination: { write } });
    const running = await startWork(config, logger, "server", async (resources) => {
      const server = await startServer(resources, { pages: await standInPages(resources) });
      logger.info({ port: server.port }, "the server listens");
      return server;
    });
    await ended;
    await running.stop();
  } catch (error) {
    write(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    listeners.delete(write);
    response.end();
  }
}

/** As a server alone would, the process ends; so all that it runs fail, and say why. */
function end(error: unknown): void {
  const text = error instanceof Error ? error.stack : String(error);
  for (const write of listeners) write(`nobody caught an error: ${text}\n`);
  setTimeout(() => process.exit(1), 100);
}

process.on("uncaughtException", end);
process.on("unhandledRejection", end);
createServer({ requestTimeout: 0 }, (request, response) => void live(request, response)).listen(
  socket,
);
// It ends with the process of the tests, whichever way that ends.
setInterval(() => {
  try {
    process.kill(Number(parent), 0);
  } catch {
    process.exit(0);
  }
}, CHECK_MS);
