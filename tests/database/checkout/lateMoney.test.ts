/** Money that arrives after its hold was over: the nights are taken again, or it goes back; never neither (M6). */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  bookingStatus,
  follow,
  followRefund,
  hold,
  NOON,
  one,
  type Payment,
  paidBooking,
  publishEvents,
  publishedListing,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;
let other: string;

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  other = await somebody(database, "Otto");
});

beforeEach(() => stopClock(database, NOON));

afterEach(async () => {
  for (const check of ["ledger_drift", "calendar_drift"]) {
    expect(await asServer(database, `select * from app_private.${check}()`)).toEqual([]);
  }
});

/** Ten minutes longer than the guest had, Stripe has to say whether they paid. */
const LATER = "2031-06-02T11:26:00Z";

/** A payment whose hold has expired, and the listing it was for. */
async function latePayment(units = 1) {
  const listing = await publishedListing(database, host, { units });
  const payment = await begunPayment(database, guest, await hold(database, guest, listing));
  await stopClock(database, LATER);
  await asServer(database, "select app_private.expire_holds()");
  expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
  return { listing, payment };
}

/** A payment whose nights somebody else has by now, with the money there. */
async function refundedPayment() {
  const { listing, payment } = await latePayment();
  await paidBooking(database, other, listing);
  expect(await follow(database, payment, "succeeded")).toBe("refunding");
  return payment;
}

/** Balances by kind of account of all that was written about a booking. */
async function balances(booking: string) {
  const rows = await asOwner(
    database,
    `select a.kind::text as kind, sum(e.amount)::text as amount
     from app_public.ledger_transactions t
     join app_public.ledger_entries e on e.transaction_id = t.id
     join app_public.ledger_accounts a on a.id = e.account_id
     where t.booking_id = $1 group by a.kind having sum(e.amount) <> 0`,
    [booking],
  );
  return Object.fromEntries(rows.map(({ kind, amount }) => [kind, Number(amount)]));
}

const paymentRow = async (payment: Payment) =>
  one(
    await asOwner(
      database,
      `select status::text, captured_amount::integer as captured,
         refunded_amount::integer as refunded from app_public.payments where id = $1`,
      [payment.id],
    ),
  );

const refundOf = async (payment: Payment) =>
  text(
    await asOwner(database, "select id from app_public.refunds where payment_id = $1", [
      payment.id,
    ]),
    "id",
  );

async function mails(booking: string): Promise<unknown[]> {
  await publishEvents(database);
  const owed = await asOwner(
    database,
    "select kind from app_private.mails where booking_id = $1 order by kind",
    [booking],
  );
  return owed.map(({ kind }) => kind);
}

describe("where the nights are free", () => {
  test("late money takes them again", async () => {
    const { payment } = await latePayment();
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
    expect(await bookingStatus(database, payment.bookingId)).toBe("confirmed");
    expect(await balances(payment.bookingId)).toEqual({
      stripe_balance: 44_800,
      host_payable: -38_800,
      platform_revenue: -6000,
    });
    expect(await mails(payment.bookingId)).toEqual([
      "booking_confirmed_guest",
      "booking_confirmed_host",
    ]);
  });

  test("it may be another unit", async () => {
    const { listing, payment } = await latePayment(2);
    await paidBooking(database, other, listing);
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
    const found = await asOwner(
      database,
      "select unit_number from app_public.bookings where id = $1",
      [payment.bookingId],
    );
    expect(found).toEqual([{ unit_number: 2 }]);
  });

  test("a hold that nobody has freed yet is simply paid", async () => {
    const listing = await publishedListing(database, host);
    const payment = await begunPayment(database, guest, await hold(database, guest, listing));
    await stopClock(database, LATER);
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
  });
});

describe("where they are gone", () => {
  test("late money is kept apart, and its way back is queued", async () => {
    const payment = await refundedPayment();
    expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
    expect(await balances(payment.bookingId)).toEqual({
      stripe_balance: 44_800,
      guest_payable: -44_800,
    });
    const refund = await refundOf(payment);
    const job = await asOwner(
      database,
      "select task_identifier as task from graphile_worker.jobs where key = $1",
      [`refund:${refund}`],
    );
    expect(job).toEqual([{ task: "refund__create" }]);
    const read = await asServer(
      database,
      "select status::text, amount::integer as amount from app_private.refund_for_job($1)",
      [refund],
    );
    expect(read).toEqual([{ status: "requested", amount: 44_800 }]);
    expect(await follow(database, payment, "succeeded")).toBe("unchanged");
    expect(await mails(payment.bookingId)).toEqual([]);
  });

  test("so it is after the guest gave the booking up, and after the stay", async () => {
    const listing = await publishedListing(database, host);
    const given = await begunPayment(database, guest, await hold(database, guest, listing));
    await asVisitor(database, guest, "select app_public.cancel_hold($1)", [given.bookingId]);
    expect(await follow(database, given, "succeeded")).toBe("refunding");
    expect(await bookingStatus(database, given.bookingId)).toBe("cancelled");

    const { payment } = await latePayment();
    await stopClock(database, "2031-06-14T11:00:00Z");
    expect(await follow(database, payment, "succeeded")).toBe("refunding");
  });

  test("so it is where the bank took longer than the stay, and the hold ends", async () => {
    const listing = await publishedListing(database, host);
    const payment = await begunPayment(database, guest, await hold(database, guest, listing));
    await follow(database, payment, "processing");
    await stopClock(database, "2031-06-13T23:00:00Z");
    expect(await follow(database, payment, "succeeded")).toBe("refunding");
    expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
    const claims = "select from app_public.calendar_claims where booking_id = $1";
    expect(await asOwner(database, claims, [payment.bookingId])).toEqual([]);
  });

  test("so it is where the host has closed the listing since", async () => {
    const { listing, payment } = await latePayment();
    await asVisitor(database, host, "select app_public.pause_listing($1)", [listing]);
    expect(await follow(database, payment, "succeeded")).toBe("refunding");
    expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
  });

  test("but a night that is booked before midnight can be paid after it", async () => {
    await stopClock(database, "2031-06-02T22:55:00Z");
    const listing = await publishedListing(database, host);
    const tonight = await hold(database, guest, listing, ["2031-06-02", "2031-06-03"]);
    const payment = await begunPayment(database, guest, tonight);
    await stopClock(database, "2031-06-02T23:05:00Z");
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
  });

  test("a refund that succeeds clears the account, and is told once", async () => {
    const payment = await refundedPayment();
    const refund = await refundOf(payment);
    expect(await followRefund(database, refund, "pending")).toBe("noted");
    expect(await followRefund(database, refund, "succeeded")).toBe("succeeded");
    expect(await followRefund(database, refund, "succeeded")).toBe("unchanged");
    expect(await followRefund(database, refund, "pending")).toBe("unchanged");
    expect(await paymentRow(payment)).toEqual({
      status: "refunded",
      captured: 44_800,
      refunded: 44_800,
    });
    expect(await balances(payment.bookingId)).toEqual({});
    expect(await mails(payment.bookingId)).toEqual(["late_payment_refunded"]);
  });

  test("a refund that fails later puts the money back into clearing", async () => {
    const payment = await refundedPayment();
    const refund = await refundOf(payment);
    await followRefund(database, refund, "succeeded");
    expect(await followRefund(database, refund, "failed")).toBe("failed");
    expect(await followRefund(database, refund, "failed")).toBe("unchanged");
    expect(await followRefund(database, refund, "succeeded")).toBe("unchanged");
    expect(await paymentRow(payment)).toEqual({
      status: "captured",
      captured: 44_800,
      refunded: 0,
    });
    expect(await balances(payment.bookingId)).toEqual({
      stripe_balance: 44_800,
      guest_payable: -44_800,
    });
  });

  test("a refund that fails at once moves nothing", async () => {
    const payment = await refundedPayment();
    expect(await followRefund(database, await refundOf(payment), "canceled")).toBe("failed");
    expect(await paymentRow(payment)).toMatchObject({ status: "captured", refunded: 0 });
    const facts = await asOwner(
      database,
      "select kind from app_public.ledger_transactions where booking_id = $1",
      [payment.bookingId],
    );
    expect(facts).toEqual([{ kind: "late_charge" }]);
  });

  test("a refund is seen by the guest, not by the host", async () => {
    const refund = await refundOf(await refundedPayment());
    const REFUND = "select id from app_public.refunds where id = $1";
    expect(await asVisitor(database, guest, REFUND, [refund])).toEqual([{ id: refund }]);
    expect(await asVisitor(database, host, REFUND, [refund])).toEqual([]);
    expect(await asVisitor(database, other, REFUND, [refund])).toEqual([]);
    expect(await asOwner(database, REFUND, [refund])).toEqual([{ id: refund }]);
  });

  test("a refund of nobody's payment is unknown", async () => {
    const apply = `select app_private.apply_refund(
      $1, 're_other', 'succeeded', 'pi_other', 100, 'EUR') as outcome`;
    for (const id of [null, "00000000-0000-7000-8000-000000000000"]) {
      expect(await asServer(database, apply, [id])).toEqual([{ outcome: "unknown" }]);
    }
  });
});

describe("an intent that can still take money for a booking that has ended", () => {
  const cancellations = (payment: Payment) =>
    asOwner(database, "select task_identifier as task from graphile_worker.jobs where key = $1", [
      `payment__cancel_intent:${payment.id}`,
    ]);
  const forget = (payment: Payment) =>
    asOwner(database, "select graphile_worker.remove_job($1)", [
      `payment__cancel_intent:${payment.id}`,
    ]);

  test.each(["requires_payment_method", "requires_action"])(
    "is cancelled when Stripe says %s",
    async (status) => {
      const { payment } = await latePayment();
      await forget(payment);
      await follow(database, payment, status);
      expect(await cancellations(payment)).toEqual([{ task: "payment__cancel_intent" }]);
    },
  );

  test.each(["processing", "canceled"])("is left alone while Stripe says %s", async (status) => {
    const { payment } = await latePayment();
    await forget(payment);
    await follow(database, payment, status);
    expect(await cancellations(payment)).toEqual([]);
  });
});

describe("news from Stripe that was lost", () => {
  const jobs = () =>
    asOwner(
      database,
      `select task_identifier as task, queue_name as queue from graphile_worker.jobs
       where task_identifier in ('payment__sync', 'refund__create', 'stripe__process_event')`,
    );
  const requeueStaleStripe = () =>
    asServer(database, "select app_private.requeue_stale_stripe() as queued");

  test("is asked for: open payments and events that wait, each once", async () => {
    await asOwner(database, "delete from app_private.stripe_events");
    await asOwner(
      database,
      "select graphile_worker.remove_job(key) from graphile_worker.jobs where key is not null",
    );
    const listing = await publishedListing(database, host);
    const payment = await begunPayment(database, guest, await hold(database, guest, listing));
    await follow(database, payment, "processing");
    expect(await requeueStaleStripe()).toEqual([{ queued: 0 }]);
    const event =
      "select app_private.store_stripe_event('evt_lost', 'charge.refunded', 'ch_1', '{}')";
    await asServer(database, event);
    await asOwner(database, "select graphile_worker.remove_job('stripe_event:evt_lost')");

    await stopClock(database, "2031-06-02T12:30:00Z");
    const [found] = await requeueStaleStripe();
    // Payments of other tests may be open too.
    expect(Number(found?.queued)).toBeGreaterThanOrEqual(2);
    expect(await requeueStaleStripe()).toEqual([{ queued: 0 }]);
    const queued = await jobs();
    expect(queued.filter(({ task }) => task === "stripe__process_event")).toHaveLength(1);
    expect(queued.length).toBe(Number(found?.queued));
    const queues = queued.flatMap(({ task, queue }) => (task === "refund__create" ? [] : [queue]));
    for (const queue of queues) expect(queue).toMatch(/^stripe:[0-9]{1,2}$/);

    // A job that has given up is begun again.
    await asOwner(
      database,
      "update graphile_worker._private_jobs set attempts = max_attempts where key = $1",
      ["stripe_event:evt_lost"],
    );
    expect(await requeueStaleStripe()).toEqual([{ queued: 1 }]);
  });

  test("is asked for: refunds that are open for more than an hour", async () => {
    const refund = await refundOf(await refundedPayment());
    await asOwner(database, "select graphile_worker.remove_job($1)", [`refund:${refund}`]);
    await stopClock(database, "2031-06-02T12:31:00Z");
    await requeueStaleStripe();
    const job = "select task_identifier as task from graphile_worker.jobs where key = $1";
    expect(await asOwner(database, job, [`refund:${refund}`])).toEqual([
      { task: "refund__create" },
    ]);
  });
});
