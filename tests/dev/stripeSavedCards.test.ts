/** Cards that a guest keeps at the Stripe simulator, as the real SDK and a browser meet them. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import Stripe from "stripe";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";

const SECRET_KEY = "sk_test_saved";
let simulator: StripeSimulator;
let stripe: Stripe;
let customer: string;

beforeEach(async () => {
  simulator = await startStripeSimulator({ secretKey: SECRET_KEY, webhookSecret: "whsec_saved" });
  const { host, port } = simulator;
  stripe = new Stripe(SECRET_KEY, { host, port, protocol: "http", maxNetworkRetries: 0 });
  customer = (await stripe.customers.create()).id;
});
afterEach(() => simulator.close());

type Card = "4242424242424242" | "4000002500003155" | "4000002760003184" | "4000000000000002";

/** As the guest's browser does. */
const browse = async (path: string, form: Record<string, string>): Promise<Response> =>
  fetch(`${simulator.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(form),
  });

async function keep(card: Card): Promise<Stripe.SetupIntent> {
  const { id, client_secret: secret } = await stripe.setupIntents.create({ customer });
  const form = { client_secret: String(secret) };
  await browse(`/setup/${id}`, { ...form, card });
  if ((await stripe.setupIntents.retrieve(id)).status === "requires_action") {
    await browse(`/authenticate/${id}`, { ...form, outcome: "approve" });
  }
  return stripe.setupIntents.retrieve(id);
}

const saved = async (): Promise<string[]> =>
  (await stripe.customers.listPaymentMethods(customer)).data.map(({ id }) => id);

const charge = (method: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
  stripe.paymentIntents.create({
    ...{ amount: 1000, currency: "eur", customer, payment_method: method },
    ...{ confirm: true, off_session: true, ...more },
  });

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => (error instanceof Stripe.errors.StripeError ? error.code : error),
  );

describe("a SetupIntent", () => {
  test("keeps a card for its customer, and is told of by events", async () => {
    const setup = await keep("4242424242424242");
    expect(setup).toMatchObject({ status: "succeeded", customer, usage: "off_session" });
    expect(await saved()).toEqual([setup.payment_method]);
    expect(await stripe.paymentMethods.list({ customer, type: "card" })).toMatchObject({
      data: [{ id: setup.payment_method, customer, card: { last4: "4242" } }],
    });
    expect(simulator.events().map(({ type }) => type)).toEqual([
      "setup_intent.created",
      "payment_method.attached",
      "setup_intent.succeeded",
    ]);
  });

  test("asks for 3-D Secure where the card does", async () => {
    expect((await keep("4000002500003155")).status).toBe("succeeded");
  });

  test("keeps no card that the bank refuses, or whose holder fails", async () => {
    expect(await keep("4000000000000002")).toMatchObject({
      status: "requires_payment_method",
      last_setup_error: { code: "card_declined" },
    });
    const { id, client_secret: secret } = await stripe.setupIntents.create({ customer });
    const form = { client_secret: String(secret) };
    await browse(`/setup/${id}`, { ...form, card: "4000002500003155" });
    await browse(`/authenticate/${id}`, { ...form, outcome: "fail" });
    expect((await stripe.setupIntents.retrieve(id)).status).toBe("requires_payment_method");
    expect(await saved()).toEqual([]);
  });

  test("opens with its client secret alone, and is over once it is cancelled", async () => {
    const { id } = await stripe.setupIntents.create({ customer });
    const wrong = { client_secret: "guessed", card: "4242424242424242" };
    expect((await browse(`/setup/${id}`, wrong)).status).toBe(400);
    const other = await stripe.setupIntents.create({ customer, metadata: { user_id: "u" } });
    const right = { client_secret: String(other.client_secret), card: "4242424242424242" };
    const seen = await (await browse(`/setup/${other.id}`, right)).json();
    expect(seen).toMatchObject({ id: other.id, status: "succeeded" });
    expect(seen).not.toHaveProperty("customer");
    expect(seen).not.toHaveProperty("metadata");
    expect((await stripe.setupIntents.cancel(id)).status).toBe("canceled");
    const confirm = { payment_method: "pm_card_visa" };
    expect(await codeOf(stripe.setupIntents.confirm(id, confirm))).toBe(
      "setup_intent_unexpected_state",
    );
  });

  test("shows the guest a page", async () => {
    const { id, client_secret: secret } = await stripe.setupIntents.create({ customer });
    const page = await fetch(`${simulator.url}/setup/${id}?client_secret=${secret}`);
    expect(await page.text()).toContain("Keep a card");
  });
});

describe("a kept card", () => {
  test("is charged without its holder", async () => {
    const { payment_method: method } = await keep("4242424242424242");
    expect(await charge(String(method))).toMatchObject({ status: "succeeded" });
  });

  test("whose bank wants its holder each time is refused, and the holder pays", async () => {
    const { payment_method: method } = await keep("4000002760003184");
    expect(await codeOf(charge(String(method)))).toBe("authentication_required");
    const [intent] = simulator.paymentIntents();
    expect(intent).toMatchObject({
      status: "requires_payment_method",
      last_payment_error: { decline_code: "authentication_required" },
    });
    const form = { client_secret: String(intent?.client_secret) };
    await browse(`/pay/${intent?.id}`, { ...form, card: String(method) });
    await browse(`/authenticate/${intent?.id}`, { ...form, outcome: "approve" });
    expect(simulator.paymentIntents()[0]).toMatchObject({ status: "succeeded" });
  });

  test("whose bank wants its holder once is charged without them later", async () => {
    const { payment_method: method } = await keep("4000002500003155");
    expect(await charge(String(method))).toMatchObject({ status: "succeeded" });
  });

  test("is not another customer's", async () => {
    const { payment_method: method } = await keep("4242424242424242");
    const other = (await stripe.customers.create()).id;
    expect(await codeOf(charge(String(method), { customer: other }))).toBe("resource_missing");
  });

  test("is of no use once it is detached", async () => {
    const method = String((await keep("4242424242424242")).payment_method);
    expect((await stripe.paymentMethods.detach(method)).customer).toBeNull();
    expect(await saved()).toEqual([]);
    await expect(charge(method)).rejects.toThrow("may not be used again");
    await expect(stripe.paymentMethods.detach(method)).rejects.toThrow("not attached");
  });
});

describe("an intent", () => {
  test("keeps the card that it was paid with, where that was asked for", async () => {
    const pay = (usage?: "off_session") =>
      stripe.paymentIntents.create({
        ...{ amount: 1000, currency: "eur", customer, confirm: true },
        payment_method: "pm_card_visa",
        ...(usage === undefined ? {} : { setup_future_usage: usage }),
      });
    await pay();
    expect(await saved()).toEqual([]);
    const { payment_method: method } = await pay("off_session");
    expect(await saved()).toEqual([method]);
  });

  test("is asked to keep the card also after it was made", async () => {
    const intent = await stripe.paymentIntents.create({ amount: 1000, currency: "eur", customer });
    await stripe.paymentIntents.update(intent.id, { setup_future_usage: "off_session" });
    await stripe.paymentIntents.confirm(intent.id, { payment_method: "pm_card_visa" });
    expect(await saved()).toHaveLength(1);
  });
});

describe("what is ordered or asked for", () => {
  test("a failure that is kept is the answer to its key for good, and had no effect", async () => {
    simulator.control({
      fail: { match: "POST /v1/payment_intents", when: "kept", how: "status 500" },
    });
    const make = (idempotencyKey: string) =>
      stripe.paymentIntents.create({ amount: 1000, currency: "eur" }, { idempotencyKey });
    await expect(make("first")).rejects.toMatchObject({ statusCode: 500 });
    await expect(make("first")).rejects.toMatchObject({
      statusCode: 500,
      headers: { "idempotent-replayed": "true" },
    });
    expect(simulator.paymentIntents()).toEqual([]);
    await expect(make("second")).resolves.toMatchObject({ amount: 1000 });
  });

  test("one request too many may come again", async () => {
    simulator.control({ fail: { match: "GET /v1/events", when: "before", how: "status 429" } });
    await expect(stripe.events.list()).rejects.toMatchObject({
      statusCode: 429,
      headers: { "stripe-should-retry": "true" },
    });
    await expect(stripe.events.list()).resolves.toBeDefined();
  });

  test.each([
    ["isk", 1050],
    ["ugx", 100_050],
    ["kwd", 1005],
  ])("%s is charged in steps", async (currency, amount) => {
    expect(await codeOf(stripe.paymentIntents.create({ amount, currency }))).toBe(
      "parameter_invalid_integer",
    );
    const rounded = amount - (amount % 100);
    await expect(
      stripe.paymentIntents.create({ amount: rounded, currency }),
    ).resolves.toBeDefined();
  });

  test("events are listed by types, by the second, and by whether they were taken", async () => {
    const { created } = await stripe.setupIntents.create({ customer });
    await stripe.paymentIntents.create({ amount: 1000, currency: "eur" });
    const types = async (params: Stripe.EventListParams): Promise<string[]> =>
      (await stripe.events.list(params)).data.map(({ type }) => type);
    expect(await types({ types: ["setup_intent.created", "nothing.else"] })).toEqual([
      "setup_intent.created",
    ]);
    expect(await types({ created: created - 1000 })).toEqual([]);
    expect(await types({ delivery_success: true })).toEqual([]);
    expect(await types({ delivery_success: false })).toHaveLength(2);
  });
});
