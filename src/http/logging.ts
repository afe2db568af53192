/**
 * Gives each request an id and writes one line when it is answered: method, path, status, time. No
 * headers, no query, no body: secrets and personal data travel there.
 */
import { randomUUID } from "node:crypto";
import type { Express } from "express";
import { pinoHttp } from "pino-http";
import type { Resources } from "../resources/index.ts";

/** An id that a proxy in front has given is kept, if it is one. */
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** Installs ids and the log of requests; first of all, so that nothing is without. */
export function installLogging(app: Express, resources: Resources): void {
  app.use(
    pinoHttp({
      logger: resources.logger,
      quietReqLogger: true,
      genReqId: (request, response) => {
        const given = request.headers["x-request-id"];
        const id = typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
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
      customLogLevel: (_request, response, error) =>
        error !== undefined || response.statusCode >= 500 ? "error" : "info",
    }),
  );
}
