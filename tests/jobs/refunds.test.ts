/**
 * Claims about refunds and the jobs that ask Stripe: what others gave back there is taken in first,
 * what Stripe refuses stays open, and money that nobody asked for goes back.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Stripe } from "stripe";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";
import { createRefund } from "../../src/jobs/createRefund.ts";
import { processStripeEvent } from "../../src/jobs/processStripeEvent.ts";
import { refundUnknownCharge } from "../../src/jobs/refundUnknownCharge.ts";
import { syncPayment } from "../../src/jobs/syncPayment.ts";
import { testDatabase } from "../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  bookingStatus,
  hold,
  NOON,
  type Payment,
  publishedListing,
  type Row,
  somebody,
  stopClock,
  text,
} from "../helpers/factories.ts";
import { openTestResources, type TestResources } from "../helpers/resources.ts";

const database = testDatabase();
let stripe: StripeSimulator;
let opened: TestResources;
let host: string;
let guest: string;

const PAID = 44_800;

beforeAll(async () => {
  stripe = await startStripeSimulator({
    secretKey: SIMULATOR_STRIPE_KEYS.secretKey,
    webhookSecret: SIMULATOR_STRIPE_KEYS.webhookSecret,
  });
  opened = await openTestResources(database, { stripeUrl: stripe.url });
});

beforeEach(async () => {
  await stopClock(database, NOON);
  guest = await somebody(database, "Gero");
  host = await somebody(database, "Hanna");
});

afterEach(async () => {
  expect(await asServer(database, "select * from app_private.ledger_drift()")).toEqual([]);
});

afterAll(async () => {
  await opened?.dispose();
  await stripe?.close();
});

const api = (): Stripe => opened.resources.stripe.jobs;

const pay = (metadata: Record<string, string> = {}, amount = PAID): Promise<Stripe.PaymentIntent> =>
  api().paymentIntents.create({
    amount,
    currency: "eur",
    payment_method: "pm_card_visa",
    confirm: true,
    metadata,
  });

async function paid(): Promise<Payment> {
  const booking = await hold(database, guest, await publishedListing(database, host));
  const payment = await begunPayment(database, guest, booking, (await pay()).id);
  await syncPayment(opened.resources, { paymentId: payment.id });
  expect(await bookingStatus(database, booking)).toBe("confirmed");
  return payment;
}

async function cancelled(): Promise<[Payment, string]> {
  const payment = await paid();
  await asVisitor(database, host, "select app_public.cancel_booking($1, 'cancel-key')", [
    payment.bookingId,
  ]);
  const found = await asOwner(database, "select id from app_public.refunds where payment_id = $1", [
    payment.id,
  ]);
  return [payment, text(found, "id")];
}

const refundsOf = ({ id }: Payment): Promise<Row[]> =>
  asOwner(
    database,
    `select amount::int, status::text, origin::text, failure_code as why
     from app_public.refunds where payment_id = $1 order by id`,
    [id],
  );

let heard = 0;

/** Acts on an event of Stripe, as the worker does. */
async function hear(type: string, objectId: string): Promise<void> {
  heard += 1;
  const eventId = `evt_heard${heard}`;
  await asServer(database, "select app_private.store_stripe_event($1, $2, $3, '{}')", [
    eventId,
    type,
    objectId,
  ]);
  await processStripeEvent(opened.resources, { eventId });
}

test("a refund that others made is taken in before ours is asked for", async () => {
  const [payment, refundId] = await cancelled();
  await api().refunds.create({ payment_intent: payment.intentId, amount: 30_000 });
  await createRefund(opened.resources, { refundId });
  expect(await refundsOf(payment)).toEqual([
    { amount: PAID, status: "failed", origin: "ours", why: "superseded" },
    { amount: 30_000, status: "succeeded", origin: "stripe", why: null },
    { amount: 14_800, status: "requested", origin: "ours", why: null },
  ]);
});

test.each(["refund.created", "charge.refunded"])(
  "%s tells of one that others made",
  async (type) => {
    const payment = await paid();
    const made = await api().refunds.create({ payment_intent: payment.intentId, amount: 5000 });
    await hear(type, type === "charge.refunded" ? String(made.charge) : made.id);
    expect(await refundsOf(payment)).toEqual([
      { amount: 5000, status: "succeeded", origin: "stripe", why: null },
    ]);
  },
);

test("a refund that is heard of before its charge waits for nothing", async () => {
  const booking = await hold(database, guest, await publishedListing(database, host));
  const payment = await begunPayment(database, guest, booking, (await pay()).id);
  const made = await api().refunds.create({ payment_intent: payment.intentId, amount: 5000 });
  await hear("refund.created", made.id);
  expect(await bookingStatus(database, booking)).toBe("confirmed");
  expect(await refundsOf(payment)).toHaveLength(1);
});

test("a refund that Stripe refuses stays open, and is owed", async () => {
  const [payment, refundId] = await cancelled();
  // The row points at an intent that took less than we think.
  const other = await pay({}, 100);
  await asOwner(
    database,
    "update app_public.payments set stripe_payment_intent_id = $2 where id = $1",
    [payment.id, other.id],
  );
  await createRefund(opened.resources, { refundId });
  expect(await refundsOf(payment)).toEqual([
    expect.objectContaining({ amount: PAID, status: "failed", origin: "ours" }),
  ]);
  const owed = await asServer(
    database,
    "select amount::int, needs_attention from app_private.guests_owed() where refund_id = $1",
    [refundId],
  );
  expect(owed).toEqual([{ amount: PAID, needs_attention: true }]);
});

test("money under our name that no booking asked for goes back, once", async () => {
  const payment = await paid();
  const second = await pay({ payment_id: payment.id, booking_id: payment.bookingId }, 700);
  for (let time = 0; time < 2; time += 1) await hear("payment_intent.succeeded", second.id);
  const found = await asOwner(
    database,
    "select id from app_public.unknown_charges where stripe_payment_intent_id = $1",
    [second.id],
  );
  const unknownChargeId = text(found, "id");
  for (let run = 0; run < 2; run += 1) {
    await refundUnknownCharge(opened.resources, { unknownChargeId });
  }
  const refunds = await api().refunds.list({ payment_intent: second.id });
  expect(refunds.data.map(({ amount }) => amount)).toEqual([700]);
  const status = "select status::text from app_public.unknown_charges where id = $1";
  expect(await asOwner(database, status, [unknownChargeId])).toEqual([{ status: "succeeded" }]);
});

test("money of somebody else's at the same account is let alone", async () => {
  const theirs = await pay({ payment_id: "00000000-0000-7000-8000-000000000000" }, 700);
  await hear("payment_intent.succeeded", theirs.id);
  const found = await asOwner(
    database,
    "select from app_public.unknown_charges where stripe_payment_intent_id = $1",
    [theirs.id],
  );
  expect(found).toEqual([]);
});
