/** Claims about requests and the jobs that ask Stripe: a card is charged when a host has accepted, and else let go of. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Stripe } from "stripe";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";
import { cancelPaymentIntent } from "../../src/jobs/cancelPaymentIntent.ts";
import { capturePayment } from "../../src/jobs/capturePayment.ts";
import { syncPayment } from "../../src/jobs/syncPayment.ts";
import { testDatabase } from "../helpers/database.ts";
import {
  asServer,
  asVisitor,
  begunPayment,
  bookingStatus,
  hold,
  NOON,
  type Payment,
  publishedListing,
  somebody,
  stopClock,
} from "../helpers/factories.ts";
import { openTestResources, type TestResources } from "../helpers/resources.ts";

const database = testDatabase();
let stripe: StripeSimulator;
let opened: TestResources;
let host: string;
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
  // Until when a bank sets money aside is told in Stripe's time: it has to be the database's.
  const offsetSeconds = Math.round((Date.parse(NOON) - Date.now()) / 1000);
  stripe.control({ clock: { offsetSeconds } });
  guest = await somebody(database, "Gero");
  host = await somebody(database, "Hanna");
});

afterAll(async () => {
  stripe?.control({ clock: { offsetSeconds: 0 } });
  await opened?.dispose();
  await stripe?.close();
});

const intents = (): Stripe["paymentIntents"] => opened.resources.stripe.jobs.paymentIntents;

/** A request whose card is authorised at Stripe, as the first job finds it. */
async function request(): Promise<Payment> {
  const listing = await publishedListing(database, host, { bookingMode: "request" });
  const booking = await hold(database, guest, listing);
  const intent = await intents().create({
    amount: 44_800,
    currency: "eur",
    capture_method: "manual",
    payment_method: "pm_card_visa",
    confirm: true,
  });
  expect(intent.status).toBe("requires_capture");
  const payment = await begunPayment(database, guest, booking, intent.id);
  await syncPayment(opened.resources, { paymentId: payment.id });
  expect(await bookingStatus(database, booking)).toBe("requested");
  return payment;
}

const accept = ({ bookingId }: Payment): Promise<unknown> =>
  asVisitor(database, host, "select app_public.accept_booking($1, 'accept-key')", [bookingId]);

const drift = (): Promise<unknown[]> =>
  asServer(database, "select * from app_private.ledger_drift()");

test("an accepted request is charged once, however often the job runs", async () => {
  const payment = await request();
  await accept(payment);
  for (let run = 0; run < 3; run += 1) {
    await capturePayment(opened.resources, { paymentId: payment.id });
  }
  const intent = await intents().retrieve(payment.intentId);
  expect([intent.status, intent.amount_received]).toEqual(["succeeded", 44_800]);
  expect(await bookingStatus(database, payment.bookingId)).toBe("confirmed");
  expect(await drift()).toEqual([]);
});

test("a capture whose answer was lost is found", async () => {
  const payment = await request();
  await accept(payment);
  await intents().capture(payment.intentId);
  await capturePayment(opened.resources, { paymentId: payment.id });
  expect(await bookingStatus(database, payment.bookingId)).toBe("confirmed");
});

test("an authorisation that Stripe has ended ends the request", async () => {
  const payment = await request();
  await accept(payment);
  await intents().cancel(payment.intentId);
  await capturePayment(opened.resources, { paymentId: payment.id });
  expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
  expect(opened.log()).toContain("payment_intent_unexpected_state");
});

test("a card of a request that was declined is let go of", async () => {
  const payment = await request();
  await asVisitor(database, host, "select app_public.decline_booking($1, 'decline-key')", [
    payment.bookingId,
  ]);
  await cancelPaymentIntent(opened.resources, { paymentId: payment.id });
  expect((await intents().retrieve(payment.intentId)).status).toBe("canceled");
  expect(await bookingStatus(database, payment.bookingId)).toBe("declined");
});
