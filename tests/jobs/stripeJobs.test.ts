/** Claims about jobs that ask Stripe: what they find there counts, not what they remember. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";
import { cancelPaymentIntent } from "../../src/jobs/cancelPaymentIntent.ts";
import { createRefund } from "../../src/jobs/createRefund.ts";
import { processStripeEvent } from "../../src/jobs/processStripeEvent.ts";
import { recoverEvents } from "../../src/jobs/recoverEvents.ts";
import { syncPayment } from "../../src/jobs/syncPayment.ts";
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
  paidBooking,
  publishedListing,
  somebody,
  stopClock,
  text,
} from "../helpers/factories.ts";
import { openTestResources, type TestResources } from "../helpers/resources.ts";

const database = testDatabase();
let stripe: StripeSimulator;
let opened: TestResources;
let listing: string;
let guest: string;

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
  listing = await publishedListing(database, await somebody(database, "Hanna"));
});

afterAll(async () => {
  await opened?.dispose();
  await stripe?.close();
});

/** A payment whose guest has paid at Stripe, which nobody has told us. */
async function paidAtStripe(): Promise<Payment> {
  const booking = await hold(database, guest, listing);
  const intent = await opened.resources.stripe.jobs.paymentIntents.create({
    amount: 44_800,
    currency: "eur",
    payment_method: "pm_card_visa",
    confirm: true,
  });
  expect(intent.status).toBe("succeeded");
  return begunPayment(database, guest, booking, intent.id);
}

test("a payment whose events were lost is found paid", async () => {
  const payment = await paidAtStripe();
  await syncPayment(opened.resources, { paymentId: payment.id });
  expect(await bookingStatus(database, payment.bookingId)).toBe("confirmed");
});

test.each([
  ["followed", syncPayment],
  ["cancelled", cancelPaymentIntent],
])("a payment that Stripe does not know and that is to be %s is laid aside", async (_how, job) => {
  const payment = await begunPayment(database, guest, await hold(database, guest, listing));
  await job(opened.resources, { paymentId: payment.id });
  expect(opened.log()).toContain(payment.intentId);
  expect(await bookingStatus(database, payment.bookingId)).toBe("pending_payment");
});

test("a refund that Stripe has made and forgotten the key of is not made again", async () => {
  const payment = await paidAtStripe();
  await stopClock(database, "2031-06-02T11:26:00Z");
  await paidBooking(database, await somebody(database, "Otto"), listing);
  expect(await follow(database, payment, "succeeded")).toBe("refunding");
  const refundId = text(
    await asOwner(database, "select id from app_public.refunds where payment_id = $1", [
      payment.id,
    ]),
    "id",
  );
  const made = await opened.resources.stripe.jobs.refunds.create({
    payment_intent: payment.intentId,
    metadata: { refund_id: refundId },
  });

  await createRefund(opened.resources, { refundId });
  expect(stripe.refunds().map(({ id }) => id)).toEqual([made.id]);
  const refund = "select status::text as status from app_private.refund_for_job($1)";
  expect(await asServer(database, refund, [refundId])).toEqual([{ status: "succeeded" }]);
  expect(await asServer(database, "select * from app_private.ledger_drift()")).toEqual([]);
});

/** More than ten pages. */
const LOST = 1100;

test("however many events were lost, all of them are asked for", async () => {
  const { paymentIntents } = opened.resources.stripe.jobs;
  // A cancelled intent is one event that is followed.
  const make = async (): Promise<string> => {
    const { id } = await paymentIntents.create({ amount: 1000, currency: "eur" });
    await paymentIntents.cancel(id);
    return id;
  };
  const made: string[] = [];
  while (made.length < LOST) made.push(...(await Promise.all(Array.from({ length: 50 }, make))));
  const missing = async () => {
    const rows = await asOwner(
      database,
      `select from unnest($1::text[]) made (id) where not exists (
         select from app_private.stripe_events e where e.object_id = made.id)`,
      [made],
    );
    return rows.length;
  };
  expect(await missing()).toBe(LOST);
  await recoverEvents(opened.resources, {});
  expect(await missing()).toBe(0);
});

test("a refund of others whose news were lost is asked for, kept once, and taken in", async () => {
  const payment = await paidAtStripe();
  await syncPayment(opened.resources, { paymentId: payment.id });
  const refund = await opened.resources.stripe.jobs.refunds.create({
    payment_intent: payment.intentId,
    amount: 700,
  });
  const events = () =>
    asOwner(
      database,
      "select id, type from app_private.stripe_events where object_id = $1 order by id",
      [refund.id],
    );
  expect(await events()).toEqual([]);
  await recoverEvents(opened.resources, {});
  const [event, ...others] = await events();
  expect([event?.type, others]).toEqual(["refund.created", []]);
  const jobs = () =>
    asOwner(database, "select from graphile_worker.jobs where key = $1", [
      `stripe_event:${event?.id}`,
    ]);
  expect(await jobs()).toHaveLength(1);
  await processStripeEvent(opened.resources, { eventId: event?.id });
  expect(
    await asOwner(
      database,
      "select amount::int as amount, origin::text as origin from app_public.refunds where payment_id = $1",
      [payment.id],
    ),
  ).toEqual([{ amount: 700, origin: "stripe" }]);

  await recoverEvents(opened.resources, {});
  expect(await events()).toHaveLength(1);
  expect(await asServer(database, "select * from app_private.ledger_drift()")).toEqual([]);
});
