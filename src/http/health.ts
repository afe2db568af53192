/**
 * What a load balancer asks. /healthz: the process runs. /readyz: it can serve, which depends on
 * Postgres alone, for without Redis everything still works.
 */
import type { Express, RequestHandler } from "express";
import { bounded } from "../resources/bounded.ts";
import type { Resources } from "../resources/index.ts";
import { serve } from "./methods.ts";

/** Set when the process begins to stop, so that no new requests are sent to it. */
export interface Readiness {
  stopping: boolean;
}

export function installHealth(app: Express, resources: Resources, readiness: Readiness): void {
  serve(app, "/healthz", { get: (_request, response) => void response.json({ status: "ok" }) });
  const answerReadiness: RequestHandler = async (_request, response) => {
    if (readiness.stopping) {
      response.status(503).json({ status: "stopping" });
      return;
    }
    try {
      await bounded(2000, "Asking the database", resources.pool.query("select 1"));
      response.json({ status: "ready" });
    } catch {
      response.status(503).json({ status: "unavailable", because: "the database does not answer" });
    }
  };
  serve(app, "/readyz", { get: answerReadiness });
}
