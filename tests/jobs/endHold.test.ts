/**
 * Stripe is asked before the nights of a hold are freed: who has paid in time keeps the stay, also
 * when the news of it is late and somebody else wants the nights.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";
import { cancelPaymentIntent } from "../../src/jobs/cancelPaymentIntent.ts";
import { endHold } from "../../src/jobs/endHold.ts";
import { syncPayment } from "../../src/jobs/syncPayment.ts";
import { cases } from "../helpers/cases.ts";
import { testDatabase } from "../helpers/database.ts";
import {
  asOwner,
  asServer,
  begunPayment,
  bookingStatus,
  follow,
  hold,
  NOON,
  type Payment,
  publishedListing,
  refusal,
  somebody,
  stopClock,
} from "../helpers/factories.ts";
import { drawFrom } from "../helpers/generate.ts";
import { openTestResources, type TestResources } from "../helpers/resources.ts";

const database = testDatabase();
let stripe: StripeSimulator;
let opened: TestResources;
let host: string;
let guest: string;
let rival: string;

/** The guest has until 11:15; then Stripe has ten minutes. */
const IN_TIME = "2031-06-02T11:14:58Z";
const OVER = "2031-06-02T11:15:00Z";
const STRIPE_IS_LATE = "2031-06-02T11:25:00Z";

beforeAll(async () => {
  stripe = await startStripeSimulator({
    secretKey: SIMULATOR_STRIPE_KEYS.secretKey,
    webhookSecret: SIMULATOR_STRIPE_KEYS.webhookSecret,
  });
  opened = await openTestResources(database, { stripeUrl: stripe.url });
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  rival = await somebody(database, "Rita");
  await asOwner(database, "update app_private.quotas set most = 10000");
});

beforeEach(() => stopClock(database, NOON));

afterEach(async () => {
  for (const check of ["ledger_drift", "calendar_drift"]) {
    expect(await asServer(database, `select * from app_private.${check}()`)).toEqual([]);
  }
});

afterAll(async () => {
  await opened?.dispose();
  await stripe?.close();
});

/** A hold whose guest has the form of the card before them. */
async function held(): Promise<{ readonly listing: string; readonly payment: Payment }> {
  const listing = await publishedListing(database, host);
  const booking = await hold(database, guest, listing);
  const intent = await opened.resources.stripe.jobs.paymentIntents.create({
    amount: 44_800,
    currency: "eur",
  });
  return { listing, payment: await begunPayment(database, guest, booking, intent.id) };
}

/** The guest pays at Stripe; nobody tells us. Whether Stripe has taken it. */
async function payAtStripe({ intentId }: Payment): Promise<boolean> {
  const { paymentIntents } = opened.resources.stripe.jobs;
  try {
    const { status } = await paymentIntents.confirm(intentId, { payment_method: "pm_card_visa" });
    return status === "succeeded";
  } catch {
    return false;
  }
}

const jobOf = async (name: string, { id }: Payment) =>
  asOwner(
    database,
    "select (run_at - created_at)::text as after from graphile_worker.jobs where key = $1",
    [`${name}:${id}`],
  );

/** What the worker does at the end of a hold. */
async function end(payment: Payment): Promise<void> {
  await endHold(opened.resources, { paymentId: payment.id });
  const asked = await jobOf("payment__cancel_intent", payment);
  if (asked.length > 0) await cancelPaymentIntent(opened.resources, { paymentId: payment.id });
}

/** What came of the rival's try: a hold, or the code of the refusal. */
async function tryToHold(listing: string): Promise<string> {
  try {
    return await bookingStatus(database, await hold(database, rival, listing));
  } catch (error) {
    return refusal(Promise.reject(error));
  }
}

/** What was taken of the guest, and what of it is to go back. */
async function money({ id }: Payment): Promise<{ taken: number; back: number }> {
  const [row] = await asOwner(
    database,
    `select p.captured_amount::integer as taken, coalesce((
       select sum(r.amount) from app_public.refunds r where r.payment_id = p.id
     ), 0)::integer as back
     from app_public.payments p where p.id = $1`,
    [id],
  );
  return { taken: Number(row?.taken), back: Number(row?.back) };
}

test("a payment queues the end of its hold for the second when it is over", async () => {
  const { payment } = await held();
  expect(await jobOf("payment__end_hold", payment)).toEqual([{ after: "00:15:00" }]);
});

test("who paid in time keeps the stay, though the news is late and a rival waits", async () => {
  const { listing, payment } = await held();
  await stopClock(database, IN_TIME);
  expect(await payAtStripe(payment)).toBe(true);
  await stopClock(database, OVER);
  await asServer(database, "select app_private.expire_holds()");
  expect(await tryToHold(listing)).toBe("SBC01");
  await end(payment);
  expect(await bookingStatus(database, payment.bookingId)).toBe("confirmed");
  expect(await tryToHold(listing)).toBe("SBC01");
  expect(await money(payment)).toEqual({ taken: 44_800, back: 0 });
});

test("without the bound the rival gets nights that are paid for (negative control)", async () => {
  const set = "app_hidden.set_hold_end(app_public.bookings, app_public.payment_status)";
  const [{ original = "" } = {}] = await asOwner(
    database,
    "select pg_get_functiondef($1::regprocedure) as original",
    [set],
  );
  const naive = String(original).replace(/AS \$function\$[\s\S]*/, "AS 'select'");
  await database.owner.query(naive);
  try {
    const { listing, payment } = await held();
    expect(await payAtStripe(payment)).toBe(true);
    await stopClock(database, OVER);
    expect(await tryToHold(listing)).toBe("pending_payment");
    await end(payment);
    expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
  } finally {
    await database.owner.query(String(original));
  }
});

test("who did not pay loses the nights as soon as Stripe has said so", async () => {
  const { listing, payment } = await held();
  await stopClock(database, OVER);
  expect(await tryToHold(listing)).toBe("SBC01");
  await end(payment);
  expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
  expect(await payAtStripe(payment)).toBe(false);
  expect(await tryToHold(listing)).toBe("pending_payment");
});

test("a Stripe that does not answer keeps the nights for ten minutes, and no longer", async () => {
  const { listing, payment } = await held();
  await stopClock(database, "2031-06-02T11:24:59Z");
  expect(await tryToHold(listing)).toBe("SBC01");
  await stopClock(database, STRIPE_IS_LATE);
  expect(await tryToHold(listing)).toBe("pending_payment");
  expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
});

test("a payment that never reached Stripe ends its hold at once", async () => {
  const listing = await publishedListing(database, host);
  const bookingId = await hold(database, guest, listing);
  const [row] = await asServer(
    database,
    "select id from app_private.begin_payment($1)",
    [bookingId],
    guest,
  );
  const end = (): Promise<void> => endHold(opened.resources, { paymentId: row?.id });
  await end();
  expect(await bookingStatus(database, bookingId)).toBe("pending_payment");
  await stopClock(database, OVER);
  await end();
  expect(await bookingStatus(database, bookingId)).toBe("expired");
  await end();
});

test("a bank that decides has a day", async () => {
  const { listing, payment } = await held();
  await follow(database, payment, "processing");
  await stopClock(database, "2031-06-03T11:14:59Z");
  await asServer(database, "select app_private.expire_holds()");
  expect(await tryToHold(listing)).toBe("SBC01");
  await stopClock(database, "2031-06-03T11:15:00Z");
  await asServer(database, "select app_private.expire_holds()");
  expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
  expect(await tryToHold(listing)).toBe("pending_payment");
  expect(await follow(database, payment, "succeeded")).toBe("refunding");
});

test.each([
  ["is asked for no more, where Stripe can cancel it", true, "expired", { taken: 0, back: 0 }],
  ["buys the nights that are still free", false, "confirmed", { taken: 44_800, back: 0 }],
])("money that a bank took more than a day for %s", async (_what, can, status, end) => {
  const { payment } = await held();
  stripe.control({ holdProcessing: true, cancelsProcessing: can });
  await payAtStripe(payment);
  await syncPayment(opened.resources, { paymentId: payment.id });
  await stopClock(database, "2031-06-03T11:15:00Z");
  await asServer(database, "select app_private.expire_holds()");
  await cancelPaymentIntent(opened.resources, { paymentId: payment.id });
  stripe.control({ reset: true });
  if (!can) stripe.control({ settle: { paymentIntent: payment.intentId, outcome: "succeeded" } });
  await syncPayment(opened.resources, { paymentId: payment.id });
  expect(await bookingStatus(database, payment.bookingId)).toBe(status);
  expect(await money(payment)).toEqual(end);
});

test("an intent that was cancelled at Stripe leaves the guest their time, for another", async () => {
  const { payment } = await held();
  await opened.resources.stripe.jobs.paymentIntents.cancel(payment.intentId);
  await syncPayment(opened.resources, { paymentId: payment.id });
  expect(await bookingStatus(database, payment.bookingId)).toBe("pending_payment");
  const again = await begunPayment(database, guest, payment.bookingId);
  expect(again.intentId).not.toBe(payment.intentId);
  await follow(database, again, "succeeded");
  await stopClock(database, OVER);
  await end(payment);
  expect(await bookingStatus(database, payment.bookingId)).toBe("confirmed");
});

test("in whatever order it happens, nobody is charged without a stay or all of it back", async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 60; seed += 1) {
    const draw = drawFrom(seed);
    await stopClock(database, NOON);
    const { listing, payment } = await held();
    let paidInTime = false;
    let isOver = false;
    let isFreed = false;
    const steps: Record<string, () => Promise<void>> = {
      pay: async () => {
        const paid = await payAtStripe(payment);
        paidInTime ||= paid && !isOver;
      },
      over: async () => {
        if (!isFreed) await stopClock(database, OVER);
        isOver = true;
      },
      late: async () => {
        await stopClock(database, STRIPE_IS_LATE);
        await asServer(database, "select app_private.expire_holds()");
        isOver = true;
        isFreed = true;
      },
      end: () => end(payment),
      news: () => syncPayment(opened.resources, { paymentId: payment.id }),
      rival: async () => void (await tryToHold(listing)),
    };
    // Asked or told before Stripe's ten minutes are over, whoever paid in time keeps the stay.
    let mustStay = false;
    const order = Array.from({ length: 7 }, () => draw.one(Object.keys(steps)));
    for (const step of order) {
      const asked = step === "news" || (step === "end" && isOver);
      if (asked && paidInTime && !isFreed) mustStay = true;
      await steps[step]?.();
    }
    await steps.over?.();
    await end(payment);
    await steps.news?.();
    const status = await bookingStatus(database, payment.bookingId);
    const { taken, back } = await money(payment);
    const told = `seed ${seed}: ${order.join(", ")}`;
    expect({ told, ends: ["confirmed", "expired"].includes(status) }).toEqual({ told, ends: true });
    expect({ told, back }).toEqual({ told, back: status === "confirmed" ? 0 : taken });
    if (mustStay) expect({ told, status }).toEqual({ told, status: "confirmed" });
    outcomes.add(`${status} ${taken > 0 ? "charged" : "free"}`);
  }
  // A run that never met one of them says nothing about it.
  expect([...outcomes].sort()).toEqual(["confirmed charged", "expired charged", "expired free"]);
});

test("races of the end against the payment and a rival, all at once, end well", async () => {
  const missing = new Set([
    "confirmed, charged, rival SBC01",
    "expired, free, rival SBC01",
    "expired, free, rival pending_payment",
  ]);
  // Chance decides who is first, and how busy the machine is: it goes on until all were met.
  for (let seed = 0; seed < cases(200, 30) || (missing.size > 0 && seed < 300); seed += 1) {
    const draw = drawFrom(1000 + seed);
    await stopClock(database, NOON);
    const { listing, payment } = await held();
    const paysInTime = draw.integer(0, 1) === 0;
    if (paysInTime) expect(await payAtStripe(payment)).toBe(true);
    await stopClock(database, OVER);
    // To pay is one request, and the others are several: it begins later, or it always wins.
    const soon = async (step: () => Promise<unknown>, most = 25): Promise<unknown> => {
      await new Promise((done) => setTimeout(done, draw.integer(0, most)));
      return await step();
    };
    const told = `seed ${seed}`;
    const rivals: string[] = [];
    await Promise.all([
      ...(paysInTime ? [] : [soon(() => payAtStripe(payment), 60)]),
      soon(() => end(payment)),
      soon(() => end(payment)),
      soon(() => asServer(database, "select app_private.expire_holds()")),
      soon(async () => rivals.push(await tryToHold(listing)), 60),
      soon(() => syncPayment(opened.resources, { paymentId: payment.id })),
    ]);
    // News that comes later still, and once more.
    await end(payment);
    for (let times = 0; times < 2; times += 1) {
      await syncPayment(opened.resources, { paymentId: payment.id });
    }
    const status = await bookingStatus(database, payment.bookingId);
    const { taken, back } = await money(payment);
    const isSold = status === "confirmed" && taken === payment.amount && back === 0;
    const isFree = status === "expired" && taken === back;
    expect({ told, status, taken, back, isWell: isSold || isFree }).toMatchObject({ isWell: true });
    if (paysInTime) expect({ told, status, rivals }).toMatchObject({ status: "confirmed" });
    if (isSold) expect({ told, rivals }).toEqual({ told, rivals: ["SBC01"] });
    missing.delete(`${status}, ${taken > 0 ? "charged" : "free"}, rival ${rivals[0]}`);
  }
  expect([...missing]).toEqual([]);
}, 240_000);
