/**
 * The simulated Stripe API under /v1: keys, idempotency, ordered faults, expansion and lists,
 * and one short entry for each endpoint. What an endpoint does to a payment is in payments.ts.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Request, RequestHandler, Response } from "express";
import Stripe from "stripe";
import { cardByNumber } from "./cards.ts";
import { type Fault, fail, failureOf, type Orders, takeFault } from "./control.ts";
import { invalid, missing, SimulatedError } from "./errors.ts";
import type { IdempotencyKeys, KeyedRequest } from "./idempotency.ts";
import { type NewIntent, type NewSetup, newCustomer } from "./objects.ts";
import { Parameters } from "./parameters.ts";
import { type Confirmation, type Means, type Payments, publicView } from "./payments.ts";
import { meansByName, publicSetup, type Setups } from "./setups.ts";
import { newId, type State } from "./state.ts";
import {
  createWebhookEndpoint,
  deleteWebhookEndpoint,
  listedWebhookEndpoints,
  retrieveWebhookEndpoint,
  updateWebhookEndpoint,
} from "./webhookEndpoints.ts";
import type { Webhooks } from "./webhooks.ts";

/** One API request as it was answered, for tests to look at. */
export interface LoggedRequest {
  id: string;
  method: string;
  path: string;
  idempotencyKey: string | null;
  /** The status that was decided; a fault ordered for "after" may have kept it from the client. */
  status: number | null;
  replayed: boolean;
  fault: string | null;
}

/** What the API needs from the rest of the simulator. */
export interface ApiContext {
  state: State;
  payments: Payments;
  setups: Setups;
  webhooks: Webhooks;
  keys: IdempotencyKeys;
  orders: Orders;
  log: LoggedRequest[];
  secretKey: string;
  publishableKey: string;
}

interface Call {
  context: ApiContext;
  parameters: Parameters;
  id: string;
  path: string;
  /** The request came with the publishable key, as from a browser. */
  browser: boolean;
}

/** Reads the parameters, all before anything changes, and returns the step to take. */
type Endpoint = (call: Call) => () => object;

const MOST_LOGGED = 5000;

/** Method and path -> endpoint. Only those FOR_BROWSERS may be called with a publishable key. */
export const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "POST /v1/customers": createCustomer,
  "GET /v1/customers": list((state) => state.customers, ["email"]),
  "GET /v1/customers/:id": retrieve("customer", (state) => state.customers),
  "DELETE /v1/customers/:id": ({ context: { setups }, id }) => {
    return () => setups.deleteCustomer(id);
  },
  "POST /v1/payment_intents": createIntent,
  "GET /v1/payment_intents": list((state) => state.paymentIntents, ["customer"]),
  "GET /v1/payment_intents/:id": retrieveIntent,
  "POST /v1/payment_intents/:id": updateIntent,
  "POST /v1/payment_intents/:id/confirm": confirmIntent,
  "POST /v1/payment_intents/:id/capture": ({ context: { payments }, parameters, id }) => {
    const amount = parameters.integer("amount_to_capture");
    return () => payments.capture(payments.intent(id), amount);
  },
  "POST /v1/payment_intents/:id/cancel": ({ context: { payments }, parameters, id }) => {
    const reasons = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"] as const;
    const reason = parameters.choice("cancellation_reason", reasons) ?? null;
    return () => payments.cancel(payments.intent(id), reason);
  },
  "GET /v1/charges": list(
    (state) => state.charges,
    ["customer", "payment_intent", "transfer_group"],
  ),
  "GET /v1/charges/:id": retrieve("charge", (state) => state.charges),
  "POST /v1/refunds": createRefund,
  "GET /v1/refunds": list((state) => state.refunds, ["charge", "payment_intent"]),
  "GET /v1/refunds/:id": retrieve("refund", (state) => state.refunds),
  "GET /v1/events": listEvents,
  "GET /v1/events/:id": retrieve("event", (state) => state.events),
  "GET /v1/balance_transactions": list((state) => state.balanceTransactions, ["source", "type"]),
  "GET /v1/balance_transactions/:id": retrieve(
    "balance_transaction",
    (state) => state.balanceTransactions,
  ),
  "GET /v1/payment_methods": listMethods,
  "GET /v1/customers/:id/payment_methods": listMethods,
  "GET /v1/payment_methods/:id": retrieve("PaymentMethod", (state) => state.paymentMethods),
  "POST /v1/payment_methods/:id/detach": ({ context: { setups }, id }) => {
    return () => setups.detach(id);
  },
  "POST /v1/setup_intents": createSetup,
  "GET /v1/setup_intents": list((state) => state.setupIntents, ["customer"]),
  "GET /v1/setup_intents/:id": retrieve("setup_intent", (state) => state.setupIntents),
  "POST /v1/setup_intents/:id/confirm": confirmSetup,
  "POST /v1/setup_intents/:id/cancel": ({ context: { setups }, id }) => {
    return () => setups.cancel(setups.setup(id));
  },
  "POST /v1/webhook_endpoints": ({ context: { state }, parameters }) => {
    return createWebhookEndpoint(state, parameters);
  },
  "GET /v1/webhook_endpoints": list(listedWebhookEndpoints, []),
  "GET /v1/webhook_endpoints/:id": ({ context: { state }, id }) => {
    return () => retrieveWebhookEndpoint(state, id);
  },
  "POST /v1/webhook_endpoints/:id": ({ context: { state }, parameters, id }) => {
    return updateWebhookEndpoint(state, parameters, id);
  },
  "DELETE /v1/webhook_endpoints/:id": ({ context: { state, webhooks }, id }) => {
    return () => deleteWebhookEndpoint(state, webhooks, id);
  },
};
const FOR_BROWSERS: readonly Endpoint[] = [retrieveIntent, confirmIntent, confirmSetup];

const USAGES = ["on_session", "off_session"] as const;

function createIntent({ context: { payments, state }, parameters }: Call) {
  const currency = parameters.currency();
  const automatic = parameters.nested("automatic_payment_methods");
  automatic.choice("enabled", ["true", "false"]);
  automatic.choice("allow_redirects", ["always", "never"]);
  automatic.finish();
  const methods = ["automatic_async", "automatic", "manual"] as const;
  const order: NewIntent = {
    amount: parameters.chargeAmount(currency),
    currency,
    captureMethod: parameters.choice("capture_method", methods) ?? "automatic_async",
    metadata: parameters.metadata(),
    paymentMethodTypes: parameters.texts("payment_method_types"),
    customer: parameters.text("customer") ?? null,
    description: parameters.text("description", 1000) ?? null,
    receiptEmail: parameters.text("receipt_email", 512) ?? null,
    setupFutureUsage: parameters.choice("setup_future_usage", USAGES) ?? null,
    statementDescriptorSuffix: parameters.text("statement_descriptor_suffix", 22) ?? null,
    transferGroup: parameters.text("transfer_group") ?? null,
  };
  const means = readMeans(parameters, state);
  const confirm = parameters.flag("confirm");
  const confirmation = readConfirmation(parameters);
  if (confirmation.offSession && !confirm) {
    const message = "off_session is only taken together with confirm.";
    throw invalid(message, { param: "off_session" });
  }
  return () => {
    if (order.customer !== null) requireCustomer(state, order.customer);
    const intent = payments.create(order, means);
    return confirm ? payments.confirm(intent, undefined, confirmation) : intent;
  };
}

function requireCustomer(state: State, id: string): void {
  if (state.customers.has(id)) return;
  const message = `No such customer: '${id}'`;
  throw invalid(message, { code: "resource_missing", param: "customer" });
}

function readConfirmation(parameters: Parameters): Confirmation {
  return {
    returnUrl: parameters.text("return_url") ?? null,
    offSession: parameters.flag("off_session"),
  };
}

function createCustomer({ context: { state }, parameters }: Call) {
  const email = parameters.text("email", 512) ?? null;
  const name = parameters.text("name", 256) ?? null;
  const metadata = parameters.metadata();
  return () => state.put(state.customers, newCustomer(email, name, metadata));
}

function retrieveIntent({ context: { payments }, parameters, id, browser }: Call) {
  const secret = browser ? parameters.required("client_secret") : parameters.text("client_secret");
  return () => {
    if (secret === undefined) return payments.intent(id);
    const intent = payments.intentOfClient(id, secret);
    return browser ? publicView(intent) : intent;
  };
}

function updateIntent({ context: { payments }, parameters, id }: Call) {
  const metadata = parameters.metadata();
  const description = parameters.text("description", 1000);
  const group = parameters.text("transfer_group");
  const usage = parameters.emptyable("setup_future_usage", USAGES);
  return () => {
    const intent = payments.intent(id);
    const merged = Object.entries({ ...intent.metadata, ...metadata });
    return payments.update(intent, {
      metadata: Object.fromEntries(merged.filter(([, value]) => value !== "")),
      description: description ?? intent.description,
      setup_future_usage: usage === undefined ? intent.setup_future_usage : usage,
      transfer_group: group ?? intent.transfer_group,
    });
  };
}

function confirmIntent({ context: { payments, state }, parameters, id, browser }: Call) {
  const secret = browser ? parameters.required("client_secret") : parameters.text("client_secret");
  const means = readMeans(parameters, state);
  const confirmation = readConfirmation(parameters);
  return () => {
    const intent = secret === undefined ? payments.intent(id) : payments.intentOfClient(id, secret);
    const confirmed = payments.confirm(intent, means, confirmation);
    return browser ? publicView(confirmed) : confirmed;
  };
}

function createRefund({ context: { payments, state }, parameters }: Call) {
  const intentId = parameters.text("payment_intent");
  const chargeId = parameters.text("charge");
  if ((intentId === undefined) === (chargeId === undefined)) {
    throw invalid("Name one of these: charge, payment_intent.", { param: "payment_intent" });
  }
  const amount = parameters.integer("amount");
  const reasons = ["duplicate", "fraudulent", "requested_by_customer"] as const;
  const reason = parameters.choice("reason", reasons) ?? null;
  const metadata = parameters.metadata();
  return () => {
    const id = chargeId ?? payments.intent(String(intentId)).latest_charge;
    const charge = state.charges.get(String(id));
    if (!charge && chargeId !== undefined) throw missing("charge", chargeId, "charge");
    if (!charge?.paid) {
      const which = `This PaymentIntent (${intentId ?? charge?.payment_intent})`;
      throw invalid(`${which} does not have a successful charge to refund.`);
    }
    return payments.refund(charge, amount, reason, metadata);
  };
}

/** A test card by name or number, or a saved payment method. */
function readMeans(parameters: Parameters, state: State): Means | undefined {
  const data = parameters.nested("payment_method_data");
  data.choice("type", ["card"]);
  const card = data.nested("card");
  const number = card.text("number");
  const token = card.text("token");
  for (const name of ["exp_month", "exp_year", "cvc"]) card.text(name);
  card.finish();
  data.finish();
  const name = parameters.text("payment_method") ?? token;
  if (number !== undefined) return { card: cardByNumber(number) };
  return name === undefined ? undefined : meansByName(state, name);
}

function createSetup({ context: { setups, state }, parameters }: Call) {
  const automatic = parameters.nested("automatic_payment_methods");
  automatic.choice("enabled", ["true", "false"]);
  automatic.choice("allow_redirects", ["always", "never"]);
  automatic.finish();
  const order: NewSetup = {
    customer: parameters.text("customer") ?? null,
    metadata: parameters.metadata(),
    usage: parameters.choice("usage", USAGES) ?? "off_session",
  };
  return () => {
    if (order.customer !== null) requireCustomer(state, order.customer);
    return setups.create(order);
  };
}

function confirmSetup({ context: { setups, state }, parameters, id, browser }: Call) {
  const secret = browser ? parameters.required("client_secret") : parameters.text("client_secret");
  const means = readMeans(parameters, state);
  const { returnUrl = null } = readConfirmation(parameters);
  return () => {
    const setup = secret === undefined ? setups.setup(id) : setups.setupOfClient(id, secret);
    const confirmed = setups.confirm(setup, means?.card, returnUrl);
    return browser ? publicSetup(confirmed) : confirmed;
  };
}

/** The saved payment methods of a customer, newest first. */
function listMethods(call: Call) {
  const { context, parameters } = call;
  const customer = call.id === "" ? parameters.required("customer") : call.id;
  parameters.choice("type", ["card"]);
  const list = listOf(call, (state) => state.paymentMethods);
  return () => {
    requireCustomer(context.state, customer);
    return list((method) => method.customer === customer);
  };
}

function retrieve(kind: string, table: (state: State) => Map<string, object>): Endpoint {
  return ({ context, id }) => {
    return () => {
      const object = table(context.state).get(id);
      if (!object) throw missing(kind, id, "id");
      return object;
    };
  };
}

type Listed = { id: string; created: number; [field: string]: unknown };

/** A list, newest first, paged by cursors, that can be narrowed by the named fields. */
function list(table: (state: State) => Map<string, object>, fields: string[]): Endpoint {
  return (call) => {
    const wanted = fields.map((field) => [field, call.parameters.text(field)] as const);
    const [least, most] = readCreated(call.parameters);
    const page = listOf(call, table);
    return () =>
      page(
        (each) =>
          each.created >= least &&
          each.created <= most &&
          wanted.every(([field, text]) => !text || each[field] === text),
      );
  };
}

/** Events, of some types or all, and those alone that the endpoint has taken, or not. */
function listEvents(call: Call) {
  const { parameters } = call;
  const types = [...parameters.texts("types"), parameters.text("type") ?? []].flat();
  const delivered = parameters.choice("delivery_success", ["true", "false"]);
  const [least, most] = readCreated(parameters);
  const page = listOf(call, (state) => state.events);
  return () =>
    page(
      (each) =>
        each.created >= least &&
        each.created <= most &&
        (types.length === 0 || types.includes(String(each.type))) &&
        (delivered === undefined || (delivered === "true") === (each.pending_webhooks === 0)),
    );
}

/** When the objects of a list were made: a second, or bounds. */
function readCreated(parameters: Parameters): [least: number, most: number] {
  const exact = parameters.seconds("created");
  if (exact !== undefined) return [exact, exact];
  const created = parameters.nested("created");
  const least = Math.max(created.integer("gte", 0) ?? 0, (created.integer("gt", 0) ?? -1) + 1);
  const most = Math.min(
    created.integer("lte", 0) ?? Number.MAX_SAFE_INTEGER,
    (created.integer("lt", 0) ?? Number.MAX_SAFE_INTEGER) - 1,
  );
  created.finish();
  return [least, most];
}

/** One page of what fits, as the cursors of a call say. */
function listOf({ context, parameters, path }: Call, table: (state: State) => Map<string, object>) {
  const limit = parameters.integer("limit") ?? 10;
  if (limit > 100) throw invalid("A list has at most 100 objects.", { param: "limit" });
  const after = parameters.text("starting_after");
  const before = parameters.text("ending_before");
  return (fits: (each: Listed) => boolean) => {
    const found = ([...table(context.state).values()] as Listed[]).reverse().filter(fits);
    const index = (id: string) => found.findIndex((each) => each.id === id);
    const end = before === undefined ? found.length : Math.max(0, index(before));
    const start = after === undefined ? (before ? Math.max(0, end - limit) : 0) : index(after) + 1;
    const data = found.slice(start, Math.min(end, start + limit));
    const more = before === undefined ? start + limit < found.length : start > 0;
    return { object: "list", data, has_more: more, url: path };
  };
}

/** Serves one endpoint; the order of the steps is that of a request's life. */
export function serve(context: ApiContext, endpoint: Endpoint): RequestHandler {
  return async (request, response) => {
    const entry = begin(context, request, response);
    const fault = takeFault(context.orders, request.method, request.path);
    entry.fault = fault ? `${fault.how} ${fault.when}` : null;
    let keyed: KeyedRequest | undefined;
    let answer: { status: number; body: string };
    try {
      const apiKey = authorise(context, endpoint, request);
      if (entry.idempotencyKey !== null) {
        keyed = context.keys.claim(apiKey, entry.idempotencyKey, request.path, request.body);
      }
      if (context.orders.latencyMs > 0) await sleep(context.orders.latencyMs);
      if (fault?.when === "before") return fail(response, fault);
      if (keyed?.saved) replay(entry, keyed.saved, response);
      answer =
        keyed?.saved ??
        (fault?.when === "kept"
          ? keepFailure(fault, entry, keyed)
          : execute(context, endpoint, request, entry, apiKey, keyed));
    } catch (error) {
      if (!(error instanceof SimulatedError)) throw error;
      answer = { status: error.status, body: JSON.stringify({ error: error.body }) };
    } finally {
      keyed?.release();
    }
    entry.status = answer.status;
    await context.state.saved();
    if (fault?.when === "after") return fail(response, fault);
    response.status(answer.status).type("json").send(answer.body);
  };
}

function begin(context: ApiContext, request: Request, response: Response): LoggedRequest {
  const { method, path } = request;
  const key = method === "POST" ? request.get("idempotency-key") : undefined;
  const entry: LoggedRequest = {
    id: newId("req"),
    method,
    path,
    idempotencyKey: key ?? null,
    status: null,
    replayed: false,
    fault: null,
  };
  context.log.push(entry);
  if (context.log.length > MOST_LOGGED) context.log.shift();
  response.set("request-id", entry.id);
  response.set("stripe-version", request.get("stripe-version") ?? Stripe.API_VERSION);
  if (key !== undefined) response.set({ "idempotency-key": key, "original-request": entry.id });
  return entry;
}

function replay(entry: LoggedRequest, saved: { requestId: string }, response: Response): void {
  entry.replayed = true;
  response.set({ "idempotent-replayed": "true", "original-request": saved.requestId });
}

/** The API key of the request, or 401. */
function authorise(context: ApiContext, endpoint: Endpoint, request: Request): string {
  const [scheme, credentials = ""] = (request.get("authorization") ?? "").split(" ");
  const basic = scheme === "Basic" && Buffer.from(credentials, "base64").toString().split(":")[0];
  const apiKey = basic || (scheme === "Bearer" ? credentials : "");
  if (apiKey === context.secretKey) return apiKey;
  const type = "invalid_request_error";
  if (apiKey === context.publishableKey) {
    if (FOR_BROWSERS.includes(endpoint)) return apiKey;
    const message = "This API call cannot be made with a publishable API key.";
    throw new SimulatedError(401, { type, code: "secret_key_required", message });
  }
  const message = apiKey
    ? `Invalid API Key provided: ${apiKey.slice(0, 8)}****${apiKey.slice(-4)}`
    : "You did not provide an API key, in the Authorization header as Bearer auth.";
  throw new SimulatedError(401, { type, message });
}

/** A failure of Stripe's own that is the answer to its key from now on. */
function keepFailure(fault: Fault, { id }: LoggedRequest, keyed: KeyedRequest | undefined) {
  const answer = failureOf(fault);
  keyed?.save({ requestId: id, ...answer });
  return answer;
}

/** Runs an endpoint. Its answer is kept under the key unless the parameters were refused. */
function execute(
  context: ApiContext,
  endpoint: Endpoint,
  request: Request,
  entry: LoggedRequest,
  apiKey: string,
  keyed: KeyedRequest | undefined,
): { status: number; body: string } {
  const parameters = new Parameters(request.method === "GET" ? request.query : request.body);
  const browser = apiKey === context.publishableKey;
  const id = String(request.params.id ?? "");
  const run = endpoint({ context, parameters, id, path: request.path, browser });
  const paths = parameters.texts("expand");
  parameters.finish();
  let [status, result]: [number, object] = [200, {}];
  context.payments.cause = { id: entry.id, idempotency_key: entry.idempotencyKey };
  try {
    result = run();
    for (const path of paths) result = Object(expand(result, path.split("."), path, context.state));
  } catch (error) {
    if (!(error instanceof SimulatedError)) throw error;
    [status, result] = [error.status, { error: error.body }];
  } finally {
    context.payments.cause = null;
  }
  const body = JSON.stringify(result);
  keyed?.save({ requestId: entry.id, status, body });
  return { status, body };
}

/** A copy of `value` in which the id at `keys` is replaced by its object. */
function expand(value: unknown, keys: string[], path: string, state: State): unknown {
  const [key, ...rest] = keys;
  if (key === undefined || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => expand(each, keys, path, state));
  const field = typeof value === "object" && key in value ? Reflect.get(value, key) : undefined;
  const object = typeof field === "string" ? state.find(field) : field;
  if (object === undefined || keys.length > 4) {
    const message = `This property cannot be expanded (${path}).`;
    throw invalid(message, { param: "expand" });
  }
  return { ...Object(value), [key]: expand(object, rest, path, state) };
}
