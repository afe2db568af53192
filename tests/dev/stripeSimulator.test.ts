/**
 * The Stripe simulator as its users meet it: the real SDK over HTTP, a webhook endpoint that
 * verifies signatures with the SDK, and a browser's requests. Nothing here reaches into its parts.
 */
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import Stripe from "stripe";
import {
  type StripeSimulator,
  type StripeSimulatorOptions,
  startStripeSimulator,
} from "../../src/dev/stripe/simulator.ts";

const SECRET_KEY = "sk_test_simulator";
const WEBHOOK_SECRET = "whsec_simulator";
const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

let simulator: StripeSimulator;
let stripe: Stripe;
let inbox: Inbox;
const opened: { close(): Promise<unknown> }[] = [];

beforeEach(async () => {
  inbox = await openInbox();
  simulator = await start({ webhookUrl: inbox.url });
  stripe = client(simulator);
});

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

describe("the clock", () => {
  afterEach(() => void simulator.control({ clock: { offsetSeconds: 0 } }));

  test("moves what happens here, and lets banks let go of what they have set aside", async () => {
    const held = await create({
      capture_method: "manual",
      payment_method: "pm_card_visa",
      confirm: true,
      expand: ["latest_charge"],
    });
    const charge = held.latest_charge as Stripe.Charge;
    const until = charge.payment_method_details?.card?.capture_before ?? 0;
    expect(until - charge.created).toBe(7 * 86_400);
    simulator.control({ clock: { offsetSeconds: 7 * 86_400 - 60 } });
    expect((await stripe.paymentIntents.retrieve(held.id)).status).toBe("requires_capture");
    simulator.control({ clock: { offsetSeconds: 7 * 86_400 + 1 } });
    expect(await stripe.paymentIntents.retrieve(held.id)).toMatchObject({
      status: "canceled",
      cancellation_reason: "automatic",
    });
    expect((await create()).created - held.created).toBeGreaterThanOrEqual(7 * 86_400);
    expect(simulator.events().map(({ type }) => type)).toContain("payment_intent.canceled");
  });
});

describe("customers", () => {
  test("are made, found and named by intents; an unknown one is refused", async () => {
    const made = await stripe.customers.create({ email: "gus@example.com", metadata: { a: "b" } });
    expect(made).toMatchObject({
      object: "customer",
      email: "gus@example.com",
      metadata: { a: "b" },
    });
    expect(await stripe.customers.retrieve(made.id)).toEqual(made);
    const listed = await stripe.customers.list({ email: "gus@example.com" });
    expect(listed.data.map(({ id }) => id)).toEqual([made.id]);
    expect((await create({ customer: made.id })).customer).toBe(made.id);
    await refused(create({ customer: "cus_nobody" }), 400, "resource_missing");
  });
});

describe("PaymentIntents", () => {
  test("are created as the SDK describes them and wait for a payment method", async () => {
    const intent = await create({ metadata: { booking: "b1", "a b": "c&d" }, transfer_group: "g" });
    expect(intent).toMatchObject({ object: "payment_intent", amount: 5000, currency: "usd" });
    expect(intent.status).toBe("requires_payment_method");
    expect(intent.metadata).toEqual({ booking: "b1", "a b": "c&d" });
    expect(intent.transfer_group).toBe("g");
    expect(intent.client_secret).toMatch(new RegExp(`^${intent.id}_secret_`));
    expect(intent.lastResponse.requestId).toMatch(/^req_/);
    expect(await stripe.paymentIntents.retrieve(intent.id)).toEqual(intent);
  });

  test("are listed newest first, page by page", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await create()).id);
    const all: string[] = [];
    for await (const each of stripe.paymentIntents.list({ limit: 2 })) all.push(each.id);
    expect(all).toEqual(ids);
    const before = await stripe.paymentIntents.list({ limit: 1, ending_before: String(ids[2]) });
    expect(before.data.map(({ id }) => id)).toEqual([ids[1]]);
  });

  test("refuse what Stripe refuses", async () => {
    await refused(create({ amount: 49 }), 400, "amount_too_small");
    await refused(create({ amount: 100_000_000 }), 400, "amount_too_large");
    await refused(create({ amount: 10.5 }), 400, "parameter_invalid_integer");
    await refused(create({ amount: -1 }), 400, "parameter_invalid_integer");
    await refused(create({ amount: 100, currency: "czk" }), 400, "amount_too_small");
    await refused(create({ currency: "xyz" }), 400, undefined);
    await refused(create({ application_fee_amount: 5 }), 400, "parameter_unknown");
    await refused(stripe.paymentIntents.retrieve("pi_none"), 404, "resource_missing");
    await refused(create({ payment_method: "pm_none" }), 404, "resource_missing");
    expect(simulator.paymentIntents()).toEqual([]);
  });

  test("are closed to a wrong key", async () => {
    const intruder = client(simulator, "sk_test_wrong");
    const refusal = await refused(intruder.paymentIntents.list(), 401, undefined);
    expect(refusal).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
  });

  test("are held and captured in part where the capture is manual", async () => {
    const held = await pay("pm_card_visa", { capture_method: "manual" });
    expect(held).toMatchObject({ status: "requires_capture", amount_capturable: 5000 });
    await refused(
      stripe.paymentIntents.capture(held.id, { amount_to_capture: 5001 }),
      400,
      "amount_too_large",
    );
    const taken = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 3000 });
    expect(taken).toMatchObject({ status: "succeeded", amount_received: 3000 });
    await refused(stripe.paymentIntents.capture(held.id), 400, "payment_intent_unexpected_state");
    await inbox.receives("payment_intent.amount_capturable_updated", "payment_intent.succeeded");
  });

  test("can be cancelled before they succeed, and not after", async () => {
    const open = await create();
    const canceled = await stripe.paymentIntents.cancel(open.id, {
      cancellation_reason: "abandoned",
    });
    expect(canceled).toMatchObject({ status: "canceled", cancellation_reason: "abandoned" });
    await inbox.receives("payment_intent.canceled");
    const paid = await pay("pm_card_visa");
    const code = "payment_intent_unexpected_state";
    const refusal = await refused(stripe.paymentIntents.cancel(paid.id), 400, code);
    expect(refusal.payment_intent?.status).toBe("succeeded");
    await refused(
      stripe.paymentIntents.confirm(open.id, { payment_method: "pm_card_visa" }),
      400,
      code,
    );
  });

  test("stay in processing while they are held there, and end as ordered", async () => {
    simulator.control({ holdProcessing: true });
    const [first, second] = [await pay("pm_card_visa"), await pay("pm_card_visa")];
    expect(first.status).toBe("processing");
    simulator.control({ settle: { paymentIntent: first.id, outcome: "succeeded" } });
    simulator.control({ settle: { paymentIntent: second.id, outcome: "failed" } });
    expect((await stripe.paymentIntents.retrieve(first.id)).status).toBe("succeeded");
    const failed = await stripe.paymentIntents.retrieve(second.id);
    expect(failed.last_payment_error?.code).toBe("card_declined");
    await inbox.receives("payment_intent.processing", "payment_intent.payment_failed");
  });

  test("cannot be cancelled in processing, but in rare cases, on order", async () => {
    simulator.control({ holdProcessing: true });
    const { id } = await pay("pm_card_visa");
    const code = "payment_intent_unexpected_state";
    await refused(stripe.paymentIntents.cancel(id), 400, code);
    simulator.control({ cancelsProcessing: true });
    expect((await stripe.paymentIntents.cancel(id)).status).toBe("canceled");
    await inbox.receives("payment_intent.processing", "payment_intent.canceled");
    expect(simulator.charges()).toEqual([]);
    const late = () => simulator.control({ settle: { paymentIntent: id, outcome: "succeeded" } });
    expect(late).toThrow(/not processing/);
  });
});

describe("cards", () => {
  test("that succeed leave a charge with a fee of 2.9 % and 30", async () => {
    const intent = await pay("pm_card_visa", { capture_method: "automatic" });
    const { latest_charge: charge } = await stripe.paymentIntents.retrieve(intent.id, {
      expand: ["latest_charge.balance_transaction"],
    });
    expect(charge).toMatchObject({
      paid: true,
      amount_captured: 5000,
      balance_transaction: { amount: 5000, fee: 175, net: 4825, type: "charge" },
    });
    await inbox.receives("payment_intent.created", "charge.succeeded", "payment_intent.succeeded");
  });

  test("are booked a moment later with Stripe's default, automatic_async", async () => {
    simulator.control({ settleMs: 20 });
    const intent = await pay("pm_card_visa");
    const id = String(intent.latest_charge);
    const [updated] = await inbox.receives("charge.updated");
    expect(updated?.data.previous_attributes).toEqual({ balance_transaction: null });
    expect((await stripe.charges.retrieve(id)).balance_transaction).toMatch(/^txn_/);
  });

  test.each([
    ["pm_card_chargeDeclined", "card_declined", "generic_decline"],
    ["pm_card_visa_chargeDeclined", "card_declined", "generic_decline"],
    ["pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"],
    ["pm_card_chargeDeclinedExpiredCard", "expired_card", undefined],
  ])("%s is declined with %s, %s, and another card may follow", async (name, code, decline) => {
    const refusal = await refused(pay(name), 402, code);
    expect(refusal).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(refusal.decline_code || undefined).toBe(decline);
    const id = String(refusal.payment_intent?.id);
    const failed = await stripe.paymentIntents.retrieve(id, { expand: ["latest_charge"] });
    expect(failed.status).toBe("requires_payment_method");
    expect(failed.last_payment_error?.code).toBe(code);
    expect(failed.latest_charge).toMatchObject({ status: "failed", paid: false });
    await inbox.receives("charge.failed", "payment_intent.payment_failed");
    const paid = await stripe.paymentIntents.confirm(id, { payment_method: "pm_card_visa" });
    expect(paid.status).toBe("succeeded");
  });

  test.each([
    ["4242424242424242", 200, "succeeded"],
    ["4000 0000 0000 0002", 402, "requires_payment_method"],
    ["4000000000009995", 402, "requires_payment_method"],
    ["4000002500003155", 200, "requires_action"],
    ["4111111111111111", 402, "requires_payment_method"],
  ])("number %s on the pay page answers %i, %s", async (card, status, outcome) => {
    const intent = await create();
    const answer = await post(`/pay/${intent.id}`, { client_secret: intent.client_secret, card });
    expect(answer.status).toBe(status);
    expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe(outcome);
  });
});

describe("3-D Secure", () => {
  test("approved, pays; failed, asks for another card", async () => {
    const approved = await pay("pm_card_authenticationRequired");
    expect(approved.status).toBe("requires_action");
    expect(await authenticate(approved, "approve")).toMatchObject({ status: "succeeded" });
    const failed = await pay("pm_card_authenticationRequired");
    expect(await authenticate(failed, "fail")).toMatchObject({
      status: "requires_payment_method",
      last_payment_error: { code: "payment_intent_authentication_failure" },
    });
    expect(simulator.charges()).toHaveLength(1);
    await inbox.receives(
      "payment_intent.requires_action",
      "payment_intent.succeeded",
      "payment_intent.payment_failed",
    );
  });

  test("leads a browser without scripts from the pay page to the return address", async () => {
    const intent = await create({ description: "<b>Loft & garden</b>", metadata: { secret: "s" } });
    const returnUrl = "http://localhost/done?booking=1";
    const page = await fetch(simulator.payUrl(intent, returnUrl), { headers: BROWSER });
    const html = await page.text();
    expect(html).toContain("$50.00");
    expect(html).toContain("&#60;b&#62;Loft &#38; garden");
    const fields = { client_secret: String(intent.client_secret), return_url: returnUrl };
    const submit = (path: string, more: Record<string, string>) =>
      fetch(simulator.url + path, {
        method: "POST",
        headers: BROWSER,
        redirect: "manual",
        body: new URLSearchParams({ ...fields, ...more }),
      });
    const declined = await submit(`/pay/${intent.id}`, { card: "4000000000000002" });
    expect(declined.status).toBe(402);
    expect(await declined.text()).toContain("Your card was declined.");
    const asked = await submit(`/pay/${intent.id}`, { card: "4000002500003155" });
    expect(asked.status).toBe(303);
    const bank = await fetch(String(asked.headers.get("location")), { headers: BROWSER });
    expect(await bank.text()).toContain("Approve");
    const done = await submit(`/authenticate/${intent.id}`, { outcome: "approve" });
    const back = new URL(String(done.headers.get("location")));
    expect(back.searchParams.get("booking")).toBe("1");
    expect(back.searchParams.get("redirect_status")).toBe("succeeded");
  });

  test("and the pay page open only with the client secret", async () => {
    const intent = await create();
    const fields = { client_secret: "wrong", card: "4242424242424242" };
    expect((await post(`/pay/${intent.id}`, fields)).status).toBe(400);
    expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe(intent.status);
  });

  test("a browser confirms with the publishable key and sees no metadata", async () => {
    const intent = await create({ metadata: { secret: "s" } });
    const browser = client(simulator, simulator.publishableKey);
    const order = { payment_method: "pm_card_visa" };
    await refused(browser.paymentIntents.confirm(intent.id, order), 400, "parameter_missing");
    await refused(browser.paymentIntents.list(), 401, "secret_key_required");
    const paid = await browser.paymentIntents.confirm(intent.id, {
      ...order,
      client_secret: String(intent.client_secret),
    } as Stripe.PaymentIntentConfirmParams);
    expect(paid.status).toBe("succeeded");
    expect(paid).not.toHaveProperty("metadata");
  });
});

describe("idempotency keys", () => {
  test("replay the first answer to the same request, a decline too", async () => {
    const key = { idempotencyKey: "key-1" };
    const first = await create({}, key);
    const second = await create({}, key);
    expect(second).toEqual(first);
    expect(second.lastResponse.headers["idempotent-replayed"]).toBe("true");
    expect(first.lastResponse.headers["idempotent-replayed"]).toBeUndefined();
    const decline = { confirm: true, payment_method: "pm_card_chargeDeclined" };
    for (let i = 0; i < 2; i++) {
      await refused(create(decline, { idempotencyKey: "key-2" }), 402, "card_declined");
    }
    expect(simulator.paymentIntents()).toHaveLength(2);
    expect(simulator.requests().filter(({ replayed }) => replayed)).toHaveLength(2);
  });

  test("refuse other parameters and other endpoints", async () => {
    const key = { idempotencyKey: "key-1" };
    const intent = await create({}, key);
    const refusal = await refused(create({ amount: 6000 }, key), 400, undefined);
    expect(refusal).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    await refused(stripe.paymentIntents.cancel(intent.id, {}, key), 400, undefined);
    expect(simulator.paymentIntents()).toMatchObject([{ status: "requires_payment_method" }]);
  });

  test("answer 409 while the first request is running", async () => {
    simulator.control({ latencyMs: 200 });
    const key = { idempotencyKey: "key-1", maxNetworkRetries: 0 };
    const both = await Promise.allSettled([create({}, key), create({}, key)]);
    const lost = both.find((each) => each.status === "rejected");
    expect(lost?.reason).toMatchObject({ statusCode: 409, code: "idempotency_key_in_use" });
    expect(simulator.paymentIntents()).toHaveLength(1);
  });

  test("are free again after parameters were refused", async () => {
    const key = { idempotencyKey: "key-1" };
    await refused(create({ amount: 1 }, key), 400, "amount_too_small");
    expect((await create({}, key)).amount).toBe(5000);
  });
});

describe("refunds", () => {
  test("in part and in full, never more than was paid", async () => {
    const { id: payment_intent, latest_charge } = await pay("pm_card_visa");
    const charge = String(latest_charge);
    const part = await stripe.refunds.create({ payment_intent, amount: 2000 });
    expect(part).toMatchObject({ amount: 2000, status: "succeeded", charge });
    const code = "amount_too_large";
    await refused(stripe.refunds.create({ payment_intent, amount: 3001 }), 400, code);
    expect((await stripe.refunds.create({ charge })).amount).toBe(3000);
    const again = stripe.refunds.create({ payment_intent });
    await refused(again, 400, "charge_already_refunded");
    expect(await stripe.charges.retrieve(charge)).toMatchObject({
      amount_refunded: 5000,
      refunded: true,
    });
    const listed = await stripe.refunds.list({ payment_intent });
    expect(listed.data.map(({ amount }) => amount)).toEqual([3000, 2000]);
    expect(await stripe.refunds.retrieve(part.id)).toEqual(part);
    await inbox.receives("refund.created", "charge.refunded", "refund.created", "charge.refunded");
  });

  test("need a successful charge", async () => {
    const { id } = await create();
    await refused(stripe.refunds.create({ payment_intent: id }), 400, undefined);
  });

  test("are pending first and then succeed with pm_card_pendingRefund", async () => {
    const { id } = await pay("pm_card_pendingRefund");
    simulator.control({ settleMs: 20 });
    const refund = await stripe.refunds.create({ payment_intent: id });
    expect(refund.status).toBe("pending");
    const [updated] = await inbox.receives("refund.updated");
    expect(updated?.data.object).toMatchObject({ id: refund.id, status: "succeeded" });
  });

  test("fail later with pm_card_refundFail, or by order, and can be made again", async () => {
    simulator.control({ settleMs: 20 });
    const { id } = await pay("pm_card_refundFail");
    expect((await stripe.refunds.create({ payment_intent: id })).status).toBe("succeeded");
    await inbox.receives("refund.failed");
    const { id: payment_intent } = await pay("pm_card_visa");
    const refund = await stripe.refunds.create({ payment_intent });
    simulator.control({ refund: { id: refund.id, status: "failed", failureReason: "declined" } });
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
      status: "failed",
      failure_reason: "declined",
    });
    expect((await stripe.refunds.create({ payment_intent })).amount).toBe(5000);
  });
});

describe("webhooks", () => {
  test("carry a signature that the SDK accepts with the right secret only", async () => {
    await create();
    await inbox.receives("payment_intent.created");
    const [{ body, signature }] = inbox.deliveries as [Received];
    const { webhooks } = stripe;
    expect(webhooks.constructEvent(body, signature, WEBHOOK_SECRET).object).toBe("event");
    expect(() => webhooks.constructEvent(body, signature, "whsec_wrong")).toThrow(
      Stripe.errors.StripeSignatureVerificationError,
    );
    expect(() => webhooks.constructEvent(`${body} `, signature, WEBHOOK_SECRET)).toThrow();
  });

  test("name the request that caused them, and the API gives the same event", async () => {
    const intent = await create({}, { idempotencyKey: "key-1" });
    const [event] = await inbox.receives("payment_intent.created");
    const id = intent.lastResponse.requestId;
    expect(event).toMatchObject({ request: { id, idempotency_key: "key-1" } });
    expect(event?.api_version).toBe(Stripe.API_VERSION);
    const stored = await stripe.events.retrieve(String(event?.id));
    expect(stored.data).toEqual(event?.data);
    const listed = await stripe.events.list({ type: "payment_intent.created" });
    expect(listed.data).toHaveLength(1);
  });

  test("are repeated until a 2xx, in order", async () => {
    inbox.answers.push(500, 302, 404);
    await pay("pm_card_visa");
    await inbox.receives("payment_intent.created", "charge.succeeded", "payment_intent.succeeded");
    expect(inbox.deliveries.map(({ status }) => status)).toEqual([500, 302, 404, 200, 200, 200]);
    expect(new Set(inbox.deliveries.slice(0, 4).map(({ event }) => event.id)).size).toBe(1);
    await eventually(() => expect(simulator.report().pending).toEqual([]));
  });

  test("are given up after the last attempt, and can be redelivered", async () => {
    const bounded = await start({ webhookUrl: inbox.url, retry: { attempts: 2, firstMs: 1 } });
    inbox.answers.push(500, 500);
    await client(bounded).paymentIntents.create({ amount: 5000, currency: "usd" });
    await eventually(() =>
      expect(bounded.report().pending).toMatchObject([
        { state: "undelivered", attempts: 2, lastResult: "500", type: "payment_intent.created" },
      ]),
    );
    const event = String(bounded.events()[0]?.id);
    bounded.control({ redeliver: { event, times: 3 } });
    await eventually(() => expect(inbox.deliveries).toHaveLength(5));
    await eventually(() => expect(bounded.report().pending).toEqual([]));
  });

  test("are sent more than once on order", async () => {
    simulator.control({ webhooks: { duplicate: 2 } });
    const intent = await create();
    const type = "payment_intent.created";
    const events = await inbox.receives(type, type, type);
    expect(new Set(events.map(({ id }) => id)).size).toBe(1);
    expect(events[0]?.data.object).toMatchObject({ id: intent.id });
  });

  test("are dropped on order, and listed as undelivered", async () => {
    simulator.control({ webhooks: { dropNext: 1 } });
    await pay("pm_card_visa");
    await inbox.receives("charge.succeeded", "payment_intent.succeeded");
    expect(inbox.types()).toEqual(["charge.succeeded", "payment_intent.succeeded"]);
    expect(simulator.report().pending).toMatchObject([
      { type: "payment_intent.created", lastResult: "dropped", state: "undelivered" },
    ]);
  });

  test("arrive newest first on order", async () => {
    simulator.control({ webhooks: { paused: true } });
    await pay("pm_card_visa");
    expect(simulator.report().pending).toHaveLength(3);
    expect(inbox.types()).toEqual([]);
    simulator.control({ webhooks: { paused: false, reorder: true } });
    const types = ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"];
    await inbox.receives(...types);
    expect(inbox.types()).toEqual(types);
  });

  test("come late on order", async () => {
    simulator.control({ webhooks: { delayMs: 150 } });
    const asked = Date.now();
    await create();
    await inbox.receives("payment_intent.created");
    expect(Date.now() - asked).toBeGreaterThanOrEqual(150);
  });

  test("wait until there is an address", async () => {
    const early = await start({});
    await client(early).paymentIntents.create({ amount: 5000, currency: "usd" });
    early.setWebhookUrl(inbox.url);
    await inbox.receives("payment_intent.created");
  });
});

describe("webhook endpoints", () => {
  const TYPES: Stripe.WebhookEndpointCreateParams["enabled_events"] = ["charge.succeeded"];

  /** One more endpoint, with a secret of its own. */
  async function another(types = TYPES): Promise<[Inbox, Stripe.WebhookEndpoint]> {
    const second = await openInbox();
    const made = await stripe.webhookEndpoints.create({ url: second.url, enabled_events: types });
    second.secret = String(made.secret);
    return [second, made];
  }

  test("get what they asked for, each signed with its own secret", async () => {
    const [second, { id, secret }] = await another();
    expect(secret).not.toBe(WEBHOOK_SECRET);
    await pay("pm_card_visa");
    await inbox.receives("payment_intent.created", "charge.succeeded", "payment_intent.succeeded");
    await second.receives("charge.succeeded");
    expect(second.types()).toEqual(["charge.succeeded"]);
    const { data } = await stripe.webhookEndpoints.list();
    expect(data).toMatchObject([{ id, status: "enabled", enabled_events: TYPES }]);
    expect(JSON.stringify([data, await stripe.webhookEndpoints.retrieve(id)])).not.toContain(
      secret,
    );
  });

  test("that are down hold up no other, and the event is owed until all have it", async () => {
    const [second] = await another(["*"]);
    second.answers.push(...Array.from({ length: 30 }, () => 500));
    await create();
    const [event] = await inbox.receives("payment_intent.created");
    await eventually(() => expect(simulator.events()[0]?.pending_webhooks).toBe(1));
    const lost = { delivery_success: false };
    expect((await stripe.events.list(lost)).data.map(({ id }) => id)).toEqual([event?.id]);
    await eventually(() => expect(simulator.report().pending).toMatchObject([{ attempts: 30 }]));
    expect(simulator.report().pending).toMatchObject([{ state: "undelivered" }]);
    simulator.control({ redeliver: { event: String(event?.id) } });
    await second.receives("payment_intent.created");
    await eventually(() => expect(simulator.events()[0]?.pending_webhooks).toBe(0));
    expect((await stripe.events.list(lost)).data).toEqual([]);
  });

  test("can be changed, stopped and removed", async () => {
    const [second, { id }] = await another(["*"]);
    await stripe.webhookEndpoints.update(id, { enabled_events: ["charge.succeeded"] });
    await pay("pm_card_visa");
    await second.receives("charge.succeeded");
    await stripe.webhookEndpoints.update(id, { disabled: true });
    await pay("pm_card_visa");
    await eventually(() => expect(inbox.deliveries).toHaveLength(6));
    expect(second.types()).toEqual(["charge.succeeded"]);
    expect(await stripe.webhookEndpoints.del(id)).toMatchObject({ id, deleted: true });
    await refused(stripe.webhookEndpoints.retrieve(id), 404, "resource_missing");
  });

  test("that are removed owe nothing more", async () => {
    const [second, { id }] = await another(["*"]);
    second.answers.push(...Array.from({ length: 1000 }, () => 500));
    await create();
    await inbox.receives("payment_intent.created");
    await stripe.webhookEndpoints.del(id);
    await eventually(() => expect(simulator.events()[0]?.pending_webhooks).toBe(0));
    expect(simulator.report().pending).toEqual([]);
  });

  test("that are removed while they are told owe nothing more, either", async () => {
    for (const status of [200, 500]) {
      const told: (() => void)[] = [];
      const slow = createServer((_request, response) => {
        told.push(() => void response.writeHead(status).end());
      });
      await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
      opened.push({ close: async () => void slow.close() });
      const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
      const { id } = await stripe.webhookEndpoints.create({ url, enabled_events: ["*"] });
      await create();
      await eventually(() => expect(told).toHaveLength(1));
      await stripe.webhookEndpoints.del(id);
      told[0]?.();
      // Whoever comes next in the queue of nobody shows that the answer has been read.
      await new Promise((resolve) => setTimeout(resolve, 50));
      await eventually(() => expect(simulator.events().at(-1)?.pending_webhooks).toBe(0));
      expect(simulator.report().pending).toEqual([]);
    }
  });

  test.each<[string, object]>([
    ["no address", { enabled_events: ["*"] }],
    ["an address of another kind", { url: "ftp://example.com", enabled_events: ["*"] }],
    ["no types", { url: "https://example.com" }],
    ["a type that is none", { url: "https://example.com", enabled_events: ["Everything!"] }],
    ["connected accounts", { url: "https://example.com", enabled_events: ["*"], connect: true }],
  ])("with %s are refused", async (_what, parameters) => {
    const asked = parameters as Stripe.WebhookEndpointCreateParams;
    await expect(stripe.webhookEndpoints.create(asked)).rejects.toMatchObject({ statusCode: 400 });
    expect((await stripe.webhookEndpoints.list()).data).toEqual([]);
  });
});

describe("ordered faults", () => {
  const CREATE = "POST /v1/payment_intents";
  const key = { idempotencyKey: "key-1", maxNetworkRetries: 0, timeout: 300 };

  test.each(["status 500", "disconnect", "timeout"] as const)(
    "%s after the effect: the same key gives the same PaymentIntent, and there is one",
    async (how) => {
      // The SDK repeats a broken connection once by itself.
      simulator.control({ fail: { match: CREATE, when: "after", how, times: 2 } });
      await expect(create({}, key)).rejects.toThrow(Stripe.errors.StripeError);
      simulator.control({ reset: true });
      const intent = await create({}, key);
      expect(intent.lastResponse.headers["idempotent-replayed"]).toBe("true");
      expect(simulator.paymentIntents()).toEqual([intent]);
      expect(simulator.requests().every(({ idempotencyKey }) => idempotencyKey === "key-1")).toBe(
        true,
      );
    },
  );

  test.each(["status 503", "disconnect", "timeout"] as const)(
    "%s before the effect: nothing is created until the repetition",
    async (how) => {
      simulator.control({ fail: { match: CREATE, when: "before", how, times: 2 } });
      await expect(create({}, key)).rejects.toThrow(Stripe.errors.StripeError);
      expect(simulator.paymentIntents()).toEqual([]);
      simulator.control({ reset: true });
      const intent = await create({}, key);
      expect(intent.lastResponse.headers["idempotent-replayed"]).toBeUndefined();
      expect(simulator.paymentIntents()).toHaveLength(1);
    },
  );

  test("strike only what matches, so many times", async () => {
    const { id } = await create();
    const match = "POST /v1/payment_intents/:id/confirm";
    simulator.control({ fail: { match, when: "before", how: "status 500" } });
    await create();
    const confirm = () =>
      stripe.paymentIntents.confirm(
        id,
        { payment_method: "pm_card_visa" },
        { maxNetworkRetries: 0 },
      );
    await refused(confirm(), 500, undefined);
    expect((await confirm()).status).toBe("succeeded");
  });
});

describe("the control API", () => {
  test("does by HTTP what control() does, and refuses what it does not understand", async () => {
    const order = { webhooks: { paused: true }, latencyMs: 5 };
    const answer = await post("/_control", order);
    expect(await answer.json()).toMatchObject({ latencyMs: 5, webhooks: { paused: true } });
    for (const wrong of [{ webhook: {} }, { latencyMs: -1 }, { fail: { match: "GET /" } }, []]) {
      expect((await post("/_control", wrong)).status).toBe(400);
    }
    const form = new URLSearchParams({ reset: "true" });
    expect((await fetch(`${simulator.url}/_control`, { method: "POST", body: form })).status).toBe(
      400,
    );
    expect(simulator.report()).toMatchObject({ latencyMs: 5, webhooks: { paused: true } });
    expect(await (await post("/_control", { reset: true })).json()).toMatchObject({
      latencyMs: 0,
      webhooks: { paused: false },
    });
  });
});

describe("the server", () => {
  test("refuses bodies over 1 MB and unknown addresses", async () => {
    expect((await post("/pay/pi_1", { card: "4".repeat(1_100_000) })).status).toBe(413);
    expect((await fetch(`${simulator.url}/v1/nothing`)).status).toBe(404);
  });

  test("keeps the account, its keys and undelivered events over a restart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "stripe-simulator-"));
    opened.unshift({ close: () => rm(folder, { recursive: true }) });
    const stateFile = join(folder, "deep", "state.json");
    const first = await start({ stateFile });
    const order = { amount: 5000, currency: "usd", payment_method: "pm_card_visa", confirm: true };
    const key = { idempotencyKey: "key-1" };
    const intent = await client(first).paymentIntents.create(order, key);
    await first.close();
    const second = await start({ stateFile, webhookUrl: inbox.url });
    expect(await client(second).paymentIntents.retrieve(intent.id)).toEqual(intent);
    expect(await client(second).paymentIntents.create(order, key)).toEqual(intent);
    expect(second.charges()).toHaveLength(1);
    await inbox.receives("payment_intent.created", "charge.succeeded", "payment_intent.succeeded");
    await inbox.receives("charge.updated");
  });

  test("forgets nothing that it has answered, even when it is killed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "stripe-simulator-"));
    opened.unshift({ close: () => rm(folder, { recursive: true }) });
    const stateFile = join(folder, "state.json");
    const kept = await start({ stateFile });
    const sdk = client(kept);
    const intent = await sdk.paymentIntents.create({ amount: 5000, currency: "usd" });
    const pay = (path: string, form: Record<string, string>) =>
      fetch(`${kept.url}/${path}/${intent.id}`, {
        method: "POST",
        body: new URLSearchParams({ client_secret: String(intent.client_secret), ...form }),
      });
    const steps: (() => Promise<unknown>)[] = [
      () => sdk.paymentIntents.update(intent.id, { description: "Three nights" }),
      () => pay("pay", { card: "4000000000000002" }),
      () => pay("pay", { card: "4000002500003155" }),
      () => pay("authenticate", { outcome: "approve" }),
      () => sdk.refunds.create({ payment_intent: intent.id, amount: 1 }),
      () =>
        Promise.all(
          [1, 2, 3].map((amount) => sdk.refunds.create({ payment_intent: intent.id, amount })),
        ),
    ];
    for (const step of steps) {
      await step();
      // What a process finds that starts while this one has not closed anything.
      const found = await start({ stateFile: await copyOf(stateFile) });
      expect(found.paymentIntents()).toEqual(kept.paymentIntents());
      expect(found.refunds()).toEqual(kept.refunds());
    }
    expect(kept.refunds()).toHaveLength(4);
  });

  test("says what to do about a state file that is none, and about a taken port", async () => {
    const folder = await mkdtemp(join(tmpdir(), "stripe-simulator-"));
    opened.unshift({ close: () => rm(folder, { recursive: true }) });
    const stateFile = join(folder, "state.json");
    await writeFile(stateFile, "{}");
    await expect(start({ stateFile })).rejects.toThrow(/delete it to start/);
    await expect(start({ port: simulator.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

async function copyOf(file: string): Promise<string> {
  const copy = `${file}.${Math.random()}`;
  await copyFile(file, copy);
  return copy;
}

async function start(more: Partial<StripeSimulatorOptions>): Promise<StripeSimulator> {
  const started = await startStripeSimulator({
    secretKey: SECRET_KEY,
    webhookSecret: WEBHOOK_SECRET,
    retry: { firstMs: 5, mostMs: 20 },
    ...more,
  });
  opened.push(started);
  return started;
}

function client({ host, port }: StripeSimulator, key = SECRET_KEY): Stripe {
  return new Stripe(key, { host, port, protocol: "http", telemetry: false });
}

function create(
  more: Partial<Stripe.PaymentIntentCreateParams> = {},
  options: Stripe.RequestOptions = {},
) {
  return stripe.paymentIntents.create({ amount: 5000, currency: "usd", ...more }, options);
}

function pay(card: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}) {
  return create({ payment_method: card, confirm: true, ...more });
}

async function authenticate(intent: Stripe.PaymentIntent, outcome: string): Promise<unknown> {
  const fields = { client_secret: intent.client_secret, outcome };
  return (await post(`/authenticate/${intent.id}`, fields)).json();
}

function post(path: string, fields: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(simulator.url + path, { method: "POST", headers, body: JSON.stringify(fields) });
}

/** Waits for a refusal with this status and code, and returns it. */
async function refused(
  request: Promise<unknown>,
  status: number,
  code: string | undefined,
): Promise<Stripe.errors.StripeError> {
  const refusal = await request.then(
    () => "it was accepted",
    (error) => error,
  );
  if (!(refusal instanceof Stripe.errors.StripeError)) throw new Error(`Not refused: ${refusal}`);
  expect({ status: refusal.statusCode, code: refusal.code }).toEqual({ status, code });
  return refusal;
}

async function eventually(claim: () => void): Promise<void> {
  const deadline = Date.now() + 5000;
  for (;;) {
    try {
      return claim();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

interface Received {
  body: string;
  signature: string;
  status: number;
  event: Stripe.Event;
}

interface Inbox {
  url: string;
  /** What its deliveries are signed with. */
  secret: string;
  deliveries: Received[];
  /** The statuses of the next answers; 200 when there are none. */
  answers: number[];
  types(): string[];
  /** Waits for these among the accepted events, in this order, and returns them. */
  receives(...types: string[]): Promise<Stripe.Event[]>;
}

/** A webhook endpoint that verifies each delivery as a merchant's would. */
async function openInbox(): Promise<Inbox> {
  const keys = { secret: WEBHOOK_SECRET };
  const deliveries: Received[] = [];
  const answers: number[] = [];
  const { webhooks } = new Stripe("sk_test_unused");
  const server: Server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const signature = String(request.headers["stripe-signature"]);
    const event = webhooks.constructEvent(body, signature, keys.secret);
    const status = answers.shift() ?? 200;
    deliveries.push({ body, signature, status, event });
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push({
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  const accepted = () => deliveries.filter(({ status }) => status === 200);
  const inOrder = (types: string[]) => {
    const rest = accepted().map(({ event }) => event);
    return types.map((type) => {
      const index = rest.findIndex((event) => event.type === type);
      if (index < 0) throw new Error(`${type} is not among ${rest.map((event) => event.type)}`);
      return rest.splice(0, index + 1)[index] as Stripe.Event;
    });
  };
  return Object.assign(keys, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    deliveries,
    answers,
    types: () => accepted().map(({ event }) => event.type),
    receives: async (...types: string[]) => {
      await eventually(() => void inOrder(types));
      return inOrder(types);
    },
  });
}
