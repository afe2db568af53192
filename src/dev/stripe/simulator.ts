/**
 * Starts the Stripe stand-in: a server of its own that the real SDK talks to by host, port and
 * protocol. This file puts the parts together; README.md is for those who use it.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import type Stripe from "stripe";
import { type ApiContext, ENDPOINTS, type LoggedRequest, serve } from "./api.ts";
import {
  type ControlContext,
  type ControlOrder,
  type ControlReport,
  noOrders,
  obey,
  report,
} from "./control.ts";
import { SimulatedError } from "./errors.ts";
import { IdempotencyKeys } from "./idempotency.ts";
import { installPages } from "./pages.ts";
import { Payments } from "./payments.ts";
import type { RetrySettings } from "./queue.ts";
import { Setups } from "./setups.ts";
import { State } from "./state.ts";
import { Webhooks } from "./webhooks.ts";

export type { LoggedRequest } from "./api.ts";
export type { ControlOrder, ControlReport } from "./control.ts";

export interface StripeSimulatorOptions {
  /** 0, which is the default, takes a free one. */
  port?: number;
  /** 127.0.0.1 unless said otherwise. */
  host?: string;
  /** The only key the API accepts, `sk_test_...`. */
  secretKey: string;
  /** What a browser confirms with; the secret key with `pk_` for `sk_` unless said otherwise. */
  publishableKey?: string;
  /** Signs the webhooks, `whsec_...`. */
  webhookSecret: string;
  /** Where events go; they wait until there is one. */
  webhookUrl?: string;
  /** A JSON file that keeps the account over a restart. */
  stateFile?: string;
  /** 30 attempts, 100 ms doubling to 5 s unless said otherwise: about two minutes. */
  retry?: Partial<RetrySettings>;
  logger?: { info(message: string): void; warn(message: string): void };
}

export interface StripeSimulator {
  url: string;
  host: string;
  port: number;
  publishableKey: string;
  setWebhookUrl(url: string | undefined): void;
  /** The same orders as `POST /_control`; throws on one that it does not understand. */
  control(order: ControlOrder): ControlReport;
  /** Orders in force and undelivered events, as `GET /_control`. */
  report(): ControlReport;
  /** The page on which a guest pays; with a return URL the guest is sent there afterwards. */
  payUrl(intent: Pick<Stripe.PaymentIntent, "id" | "client_secret">, returnUrl?: string): string;
  /** Copies of all that is stored, oldest first. */
  paymentIntents(): Stripe.PaymentIntent[];
  charges(): Stripe.Charge[];
  refunds(): Stripe.Refund[];
  events(): Stripe.Event[];
  requests(): LoggedRequest[];
  close(): Promise<void>;
}

const BODY_LIMIT = "1mb";

/** Listens and resolves; rejects when the port is taken or the state file is not one. */
export async function startStripeSimulator(
  options: StripeSimulatorOptions,
): Promise<StripeSimulator> {
  const { secretKey, webhookSecret, webhookUrl, stateFile, logger } = options;
  const publishableKey = options.publishableKey ?? secretKey.replace(/^sk_/, "pk_");
  const host = options.host ?? "127.0.0.1";
  const warn = (message: string) => logger?.warn(`Stripe simulator: ${message}`);

  const state = new State(stateFile, warn);
  const orders = noOrders();
  const retry = { attempts: 30, firstMs: 100, mostMs: 5000, ...options.retry };
  const webhooks = new Webhooks(state, orders.webhooks, { secret: webhookSecret, retry, warn });
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const reachable = /^(0\.0\.0\.0|::)$/.test(host) ? "127.0.0.1" : host;
  const url = `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
  const page = (path: string, intent: { id: string; client_secret: string | null }) =>
    `${url}/${path}/${intent.id}?client_secret=${intent.client_secret}`;
  const payments = new Payments(
    state,
    orders.payments,
    (event) => webhooks.publish(event),
    (intent) => page("authenticate", intent),
  );
  const setups = new Setups(state, payments, (setup) => page("authenticate", setup));
  const log: LoggedRequest[] = [];
  const keys = new IdempotencyKeys(state);
  const context = {
    state,
    payments,
    setups,
    webhooks,
    keys,
    orders,
    log,
    secretKey,
    publishableKey,
  };
  server.on("request", createApp(context, warn));
  webhooks.setUrl(webhookUrl);
  logger?.info(`Stripe simulator: listening on ${url}`);

  const copies = <T>(table: Map<string, T>): T[] => structuredClone([...table.values()]);
  return {
    url,
    host,
    port,
    publishableKey,
    setWebhookUrl: (address) => webhooks.setUrl(address),
    control: (order) => obey(order, context),
    report: () => report(context),
    payUrl: (intent, returnUrl) =>
      page("pay", intent) + (returnUrl ? `&return_url=${encodeURIComponent(returnUrl)}` : ""),
    paymentIntents: () => copies(state.paymentIntents),
    charges: () => copies(state.charges),
    refunds: () => copies(state.refunds),
    events: () => copies(state.events),
    requests: () => structuredClone(log),
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      payments.close();
      await Promise.all([closed, webhooks.close()]);
      await state.save();
    },
  };
}

/** Every address of the simulator, in the order in which they are tried. */
function createApp(context: ControlContext & ApiContext, warn: (message: string) => void): Express {
  const app = express();
  app.disable("x-powered-by").set("query parser", "extended");
  app.use(express.urlencoded({ extended: true, limit: BODY_LIMIT }));
  for (const [name, endpoint] of Object.entries(ENDPOINTS)) {
    const [method, path = ""] = name.split(" ");
    const add = { GET: "get", POST: "post", DELETE: "delete" } as const;
    app[add[method as keyof typeof add]](path, serve(context, endpoint));
  }
  app.use(express.json({ limit: BODY_LIMIT }));
  installPages(app, context);
  app.get("/_control", onlyLoopback, (_request, response) => {
    response.json(report(context));
  });
  app.post("/_control", onlyLoopback, async (request, response) => {
    // Only JSON: a page of another site can send a form here, but no JSON.
    const obeyed = obey(request.is("json") ? request.body : undefined, context);
    await context.state.saved();
    response.json(obeyed);
  });
  return app.use(notFound, answerError(warn));
}

const onlyLoopback: RequestHandler = (request, _response, next) => {
  const local = /^(::1$|(::ffff:)?127\.)/.test(request.socket.remoteAddress ?? "");
  const message = "Only this machine may order the simulator about.";
  next(local ? undefined : new SimulatedError(403, { type: "invalid_request_error", message }));
};

const notFound: RequestHandler = ({ method, path }) => {
  const message = `Unrecognized request URL (${method}: ${path}), or one the simulator lacks.`;
  throw new SimulatedError(404, { type: "invalid_request_error", message });
};

function answerError(warn: (message: string) => void): ErrorRequestHandler {
  return (error, _request, response, _next) => {
    if (error instanceof SimulatedError) {
      response.status(error.status).json({ error: error.body });
      return;
    }
    const status = error instanceof Error && "status" in error ? Number(error.status) : 500;
    if (status >= 500) warn(error instanceof Error ? (error.stack ?? error.message) : `${error}`);
    const type = status >= 500 ? "api_error" : "invalid_request_error";
    response.status(status).json({ error: { type, message: String(error) } });
  };
}
