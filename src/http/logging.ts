/**
 * Gives each request an id and writes one line when it is answered: method, path, status, time, and
 * who asked, as far as LOG_CLIENTS wants to know. No headers, no query, no body: secrets and
 * personal data travel there.
 */
import { randomUUID } from "node:crypto";
import type { Express, Request } from "express";
import { pinoHttp } from "pino-http";
import type { ClientLogging } from "../config/index.ts";
import type { Resources } from "../resources/index.ts";
import { networkOf } from "../rest/limits.ts";

/** What an id must be that a proxy of ours in front has given. */
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** Installs ids and the log of requests; first of all, so that nothing is without. */
export function installLogging(app: Express, resources: Resources): void {
  const { logClients } = resources.config.http;
  app.use(
    pinoHttp<Request>({
      logger: resources.logger,
      quietReqLogger: true,
      genReqId: (request, response) => {
        const given = request.headers["x-request-id"];
        const isOne = typeof given === "string" && REQUEST_ID.test(given);
        // From anybody else it could repeat the id of another request, and mislead who looks.
        const id = isOne && comesByProxy(request) ? given : randomUUID();
        response.setHeader("X-Request-Id", id);
        return id;
      },
      autoLogging: { ignore: (request) => ["/healthz", "/readyz"].includes(request.url ?? "") },
      serializers: {
        req: (request: { id: unknown; method: string; url: string }) => ({
          id: request.id,
          method: request.method,
          path: request.url.split("?")[0],
        }),
        res: (response: { statusCode: number }) => ({ status: response.statusCode }),
      },
      customProps: (request) => ({ client: clientOf(request, logClients) }),
      customLogLevel: (_request, response, error) =>
        error !== undefined || response.statusCode >= 500 ? "error" : "info",
    }),
  );
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
