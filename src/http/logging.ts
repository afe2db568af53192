/**
 * Gives each request an id and writes one line when it is answered: method, path, status, time, and
 * who asked, as far as LOG_CLIENTS wants to know. No headers, no query, no body: secrets and
 * personal data travel there.
 */
import { randomUUID } from "node:crypto";
import type { Express, Request } from "express";
import type { ClientLogging } from "../config/index.ts";
import type { Resources } from "../resources/index.ts";
import { networkOf } from "../resources/network.ts";

/** What an id must be that a proxy of ours in front has given. */
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

declare module "node:http" {
  interface IncomingMessage {
    /** For the log, and for whoever reports an error. */
    id: string;
  }
}

const SILENT = new Set(["/healthz", "/readyz"]);

/** Installs ids and the log of requests; first of all, so that nothing is without. */
export function installLogging(app: Express, { logger, config }: Resources): void {
  // What a line has is named below, one by one, and none of it is secret: to look for secrets in
  // it would cost more than all the rest of a request's log.
  const log = logger.child({}, { redact: [] });
  app.use((request, response, next) => {
    request.id = idOf(request);
    response.setHeader("X-Request-Id", request.id);
    const [path] = request.originalUrl.split("?");
    if (path !== undefined && SILENT.has(path)) {
      next();
      return;
    }
    const started = performance.now();
    const { method } = request;
    // Now, for the address is gone when the connection is.
    const client = clientOf(request, config.http.logClients);
    response.once("close", () => {
      const { statusCode: status, writableFinished } = response;
      const responseTime = Math.round(performance.now() - started);
      const { id, cache } = request;
      const line = { req: { id, method, path }, client, cache, res: { status }, responseTime };
      if (status >= 500) log.error(line, "request errored");
      else log.info(line, writableFinished ? "request completed" : "request aborted");
    });
    next();
  });
}

function idOf(request: Request): string {
  const given = request.headers["x-request-id"];
  const isOne = typeof given === "string" && REQUEST_ID.test(given);
  // From anybody else it could repeat the id of another request, and mislead who looks.
  return isOne && comesByProxy(request) ? given : randomUUID();
}

/** Whether the one who is connected is a proxy that TRUST_PROXY names. */
function comesByProxy(request: Request): boolean {
  const trusts: unknown = request.app.get("trust proxy fn");
  return typeof trusts === "function" && trusts(request.socket.remoteAddress, 0) === true;
}

/** The address of the sender, or as much of it as points at no household. */
function clientOf({ ip }: Request, how: ClientLogging): string | undefined {
  if (ip === undefined || how === "none") return undefined;
  if (how === "address") return ip;
  const network = networkOf(ip);
  const isIpv4 = !network.includes(":");
  return isIpv4
    ? network.replace(/\.\d+$/, ".0/24")
    : `${network.split(":").slice(0, 3).join(":")}::/48`;
}
