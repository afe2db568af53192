/**
 * What the simulator can be ordered to do wrong, from a test or by `POST /_control`: the shape
 * of an order, its check, and the orders in force. README.md explains each to its users.
 */
import type { ServerResponse } from "node:http";
import { invalid } from "./errors.ts";
import type { PaymentSettings, Payments } from "./payments.ts";
import type { QueueSettings } from "./queue.ts";
import { type Delivery, type State, setClock } from "./state.ts";
import type { Webhooks } from "./webhooks.ts";

/**
 * The next `times` requests that match fail, before or after they have had their effect, or without
 * one, and for good under their key.
 */
export interface Fault {
  /** Method and path, where `*` or `:id` stands for one segment. */
  match: string;
  when: "before" | "after" | "kept";
  how: "disconnect" | "timeout" | `status ${number}`;
  times: number;
}

/** One order; every member is optional, and what it does not name stays as it is. */
export interface ControlOrder {
  /** Forgets all earlier orders, before the rest of this one is obeyed. */
  reset?: boolean;
  latencyMs?: number;
  settleMs?: number;
  holdProcessing?: boolean;
  cancelsProcessing?: boolean;
  webhooks?: Partial<QueueSettings> & { url?: string };
  fail?: Omit<Fault, "times"> & { times?: number };
  settle?: { paymentIntent: string; outcome: "succeeded" | "failed" };
  refund?: { id: string; status: "succeeded" | "failed"; failureReason?: string };
  redeliver?: { event: string; times?: number };
  /** How far the time of the account is ahead of the machine's. */
  clock?: { offsetSeconds: number };
}

/** The orders in force, and the deliveries that have not arrived. */
export interface ControlReport extends Orders {
  pending: (Delivery & { type: string; state: "waiting" | "undelivered" })[];
}

export interface Orders {
  latencyMs: number;
  payments: PaymentSettings;
  webhooks: QueueSettings;
  faults: Fault[];
}

/** What orders act upon. */
export interface ControlContext {
  orders: Orders;
  state: State;
  payments: Payments;
  webhooks: Webhooks;
}

const MOST_FAULTS = 100;
const CENTURY_SECONDS = 100 * 366 * 86_400;
const TIMEOUT_MS = 120_000;

export function noOrders(): Orders {
  return {
    latencyMs: 0,
    payments: { holdProcessing: false, cancelsProcessing: false, settleMs: 250 },
    webhooks: { delayMs: 0, dropNext: 0, duplicate: 0, reorder: false, paused: false },
    faults: [],
  };
}

/** Obeys one order and reports; throws 400 for one that is not understood, having done nothing. */
export function obey(order: ControlOrder, context: ControlContext): ControlReport {
  const { orders, payments, webhooks } = context;
  const fault = ORDER(order, "The order");
  if (fault) throw invalid(fault);
  if (order.fail?.when === "kept" && !order.fail.how.startsWith("status ")) {
    throw invalid("A failure that is kept has a status.");
  }
  if (order.reset) {
    const { payments: paymentSettings, webhooks: webhookSettings, ...rest } = noOrders();
    Object.assign(orders.payments, paymentSettings);
    Object.assign(orders.webhooks, webhookSettings);
    Object.assign(orders, rest);
  }
  const { url, ...webhookSettings } = order.webhooks ?? {};
  Object.assign(orders.webhooks, webhookSettings);
  if (url !== undefined) webhooks.setUrl(url);
  orders.latencyMs = order.latencyMs ?? orders.latencyMs;
  orders.payments.settleMs = order.settleMs ?? orders.payments.settleMs;
  for (const name of ["holdProcessing", "cancelsProcessing"] as const) {
    orders.payments[name] = order[name] ?? orders.payments[name];
  }
  if (order.fail)
    orders.faults = [...orders.faults, { times: 1, ...order.fail }].slice(-MOST_FAULTS);
  if (order.settle) {
    const { paymentIntent, outcome } = order.settle;
    payments.settle(payments.intent(paymentIntent), outcome === "succeeded");
  }
  if (order.refund) {
    payments.settleRefund(order.refund.id, order.refund.status, order.refund.failureReason);
  }
  if (order.clock) {
    setClock(order.clock.offsetSeconds);
    payments.endAuthorisations();
  }
  if (order.redeliver) webhooks.redeliver(order.redeliver.event, order.redeliver.times);
  webhooks.wake();
  return report(context);
}

export function report({ orders, state }: ControlContext): ControlReport {
  const describe = (deliveries: Map<string, Delivery>, what: "waiting" | "undelivered") =>
    [...deliveries.values()].map((delivery) => ({
      ...delivery,
      type: state.events.get(delivery.event)?.type ?? "forgotten",
      state: what,
    }));
  const pending = [
    ...describe(state.deliveries, "waiting"),
    ...describe(state.undelivered, "undelivered"),
  ];
  return structuredClone({ ...orders, pending });
}

/** The fault ordered for a request, if any; it counts as used. */
export function takeFault(orders: Orders, method: string, path: string): Fault | undefined {
  const fault = orders.faults.find(({ match }) => {
    const pattern = match.replaceAll(/[.+?()]/g, "\\$&").replaceAll(/\/(\*|:\w+)/g, "/[^/]+");
    return new RegExp(`^${pattern}$`).test(`${method} ${path}`);
  });
  if (!fault) return undefined;
  fault.times -= 1;
  orders.faults = orders.faults.filter((each) => each.times > 0);
  return fault;
}

/** Lets a request fail as ordered, without the answer it would have had. */
export function fail(response: ServerResponse, fault: Fault): void {
  if (fault.how === "disconnect") {
    response.socket?.destroy();
  } else if (fault.how === "timeout") {
    const timer = setTimeout(() => response.socket?.destroy(), TIMEOUT_MS);
    response.once("close", () => clearTimeout(timer));
  } else {
    const { status, body } = failureOf(fault);
    response.statusCode = status;
    response.setHeader("content-type", "application/json");
    // Stripe says of a request that met another, or of one too many, that it may come again.
    if (status === 409 || status === 429) response.setHeader("stripe-should-retry", "true");
    response.end(body);
  }
}

/** The answer that a failure is, where it is one with a status. */
export function failureOf({ how }: Fault): { status: number; body: string } {
  const status = Number(how.slice("status ".length));
  const error =
    status === 429
      ? { type: "invalid_request_error", code: "rate_limit", message: "Too many requests." }
      : { type: "api_error", message: "This failure was ordered by the control API." };
  return { status, body: JSON.stringify({ error }) };
}

/** What is wrong with a value, in a sentence that begins with its name; undefined if nothing. */
type Check = (value: unknown, name: string) => string | undefined;

const says = (claim: string, holds: (value: unknown) => boolean): Check => {
  return (value, name) => (holds(value) ? undefined : `${name} must be ${claim}.`);
};
const text = (claim: string, pattern: RegExp): Check =>
  says(claim, (value) => typeof value === "string" && value.length < 2000 && pattern.test(value));
const whole = (least: number, most: number): Check =>
  says(`a whole number from ${least} to ${most}`, (value) => {
    return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  });
const boolean = says("true or false", (value) => typeof value === "boolean");

function members(checks: Record<string, Check>, needed: string[] = []): Check {
  return (value, name) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return `${name} must be an object.`;
    }
    const absent = needed.find((key) => !(key in value));
    if (absent) return `${name} must have ${absent}.`;
    for (const [key, member] of Object.entries(value)) {
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
      const fault = check ? check(member, key) : `${name} has an unknown member ${key}.`;
      if (fault) return fault;
    }
    return undefined;
  };
}

const HOUR_MS = 3_600_000;
const OUTCOME = text("'succeeded' or 'failed'", /^(succeeded|failed)$/);
const ORDER = members({
  clock: members({ offsetSeconds: whole(-CENTURY_SECONDS, CENTURY_SECONDS) }, ["offsetSeconds"]),
  reset: boolean,
  latencyMs: whole(0, HOUR_MS),
  settleMs: whole(0, HOUR_MS),
  holdProcessing: boolean,
  cancelsProcessing: boolean,
  webhooks: members({
    delayMs: whole(0, HOUR_MS),
    dropNext: whole(0, 10_000),
    duplicate: whole(0, 100),
    reorder: boolean,
    paused: boolean,
    url: text("an http or https URL", /^https?:\/\/\S+$/),
  }),
  fail: members(
    {
      match: text("such as 'POST /v1/refunds'", /^(GET|POST|DELETE) \/v1\/[\w/:*]+$/),
      when: text("'before', 'after' or 'kept'", /^(before|after|kept)$/),
      how: text(
        "'disconnect', 'timeout' or 'status 500'",
        /^(disconnect|timeout|status [45]\d\d)$/,
      ),
      times: whole(1, 10_000),
    },
    ["match", "when", "how"],
  ),
  settle: members({ paymentIntent: text("an id", /^pi_/), outcome: OUTCOME }, [
    "paymentIntent",
    "outcome",
  ]),
  refund: members(
    { id: text("an id", /^re_/), status: OUTCOME, failureReason: text("a word", /^\w+$/) },
    ["id", "status"],
  ),
  redeliver: members({ event: text("an id", /^evt_/), times: whole(1, 100) }, ["event"]),
});
