/** From an intent at Stripe to a confirmed stay: in any order, any number of times, each effect once. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { openTestDatabase, testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  bookingStatus,
  follow,
  hold,
  NOON,
  type Payment,
  paidBooking,
  pay,
  processOf,
  publishEvents,
  publishedListing,
  refusal,
  somebody,
  stopClock,
  text,
  untilBlocked,
  withRival,
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

const held = async (): Promise<string> =>
  hold(database, guest, await publishedListing(database, host));

const begin = (who: string | undefined, booking: unknown) =>
  asServer(database, "select id from app_private.begin_payment($1)", [booking], who);

const paymentStatus = async (payment: Payment) =>
  text(
    await asOwner(database, "select status::text from app_public.payments where id = $1", [
      payment.id,
    ]),
    "status",
  );

/** What has been written about a booking: what must be there once. */
async function effects(booking: string) {
  await publishEvents(database);
  const [found] = await asOwner(
    database,
    `select
       (select count(*)::integer from app_public.ledger_transactions where booking_id = $1) as facts,
       (select count(*)::integer from app_private.mails where booking_id = $1) as mails,
       (select count(*)::integer from app_public.booking_events where booking_id = $1) as events,
       (select count(*)::integer from app_public.refunds r
          join app_public.payments p on p.id = r.payment_id where p.booking_id = $1) as refunds`,
    [booking],
  );
  return found;
}

describe("beginning a payment", () => {
  test("asks for the booking's amount, and gives the same payment when repeated", async () => {
    const booking = await held();
    const payment = await begunPayment(database, guest, booking);
    expect(payment.amount).toBe(44_800);
    expect(await begin(guest, booking)).toEqual([{ id: payment.id }]);
  });

  test("is the guest's alone", async () => {
    const booking = await held();
    expect(await refusal(begin(undefined, booking))).toBe("SBG01");
    expect(await refusal(begin(host, booking))).toBe("SBG02");
    expect(await refusal(begin(other, booking))).toBe("SBB01");
    expect(await refusal(begin(guest, null))).toBe("SBB01");
  });

  test("is for a booking that waits for it", async () => {
    const paid = await paidBooking(database, guest, await publishedListing(database, host));
    expect(await refusal(begin(guest, paid))).toBe("SBB06");
    const given = await held();
    await asVisitor(database, guest, "select app_public.cancel_hold($1)", [given]);
    expect(await refusal(begin(guest, given))).toBe("SBB06");
    const late = await held();
    await stopClock(database, "2031-06-02T11:15:00Z");
    expect(await refusal(begin(guest, late))).toBe("SBB07");
  });

  test("is possible again after the intent was cancelled, and never twice at once (M6)", async () => {
    const booking = await held();
    const first = await begunPayment(database, guest, booking);
    const insert = `insert into app_public.payments
        (booking_id, currency, amount, host_amount, platform_amount)
      values ($1, 'EUR', 1, 1, 0)`;
    expect(await refusal(asOwner(database, insert, [booking]))).toBe("23505");
    await follow(database, first, "canceled");
    expect(await paymentStatus(first)).toBe("cancelled");
    const second = await begunPayment(database, guest, booking, "pi_second_attempt");
    expect(await follow(database, second, "succeeded")).toBe("confirmed");
    expect(await follow(database, first, "succeeded")).toBe("unknown");
    const captured = await asOwner(
      database,
      `select id, attempt from app_public.payments where booking_id = $1 and captured_amount > 0`,
      [booking],
    );
    expect(captured).toEqual([{ id: first.id, attempt: 2 }]);
  });

  test("is seen by the guest and the operator, not by the host", async () => {
    const booking = await held();
    const { id } = await begunPayment(database, guest, booking);
    const PAYMENT = "select id from app_public.payments where booking_id = $1";
    expect(await asVisitor(database, guest, PAYMENT, [booking])).toEqual([{ id }]);
    expect(await asVisitor(database, host, PAYMENT, [booking])).toEqual([]);
    expect(await asVisitor(database, other, PAYMENT, [booking])).toEqual([]);
    expect(await asOwner(database, PAYMENT, [booking])).toEqual([{ id }]);
  });
});

describe("an intent that succeeded", () => {
  test("confirms once, however often and after whatever it is told", async () => {
    const booking = await held();
    const payment = await begunPayment(database, guest, booking);
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
    const once = { facts: 1, mails: 2, events: 2, refunds: 0 };
    expect(await effects(booking)).toEqual(once);
    for (const status of [
      "succeeded",
      "processing",
      "requires_action",
      "canceled",
      "requires_payment_method",
      "succeeded",
    ]) {
      expect(await follow(database, payment, status)).toBe("unchanged");
    }
    expect(await effects(booking)).toEqual(once);
    expect(await paymentStatus(payment)).toBe("captured");
    expect(await bookingStatus(database, booking)).toBe("confirmed");
  });

  test("may be told of by two jobs at once", async () => {
    const booking = await held();
    const payment = await begunPayment(database, guest, booking);
    const APPLY = `select app_private.apply_payment_intent(
      $1, $2, 'succeeded', $3, $4, null, $3, 'EUR') as outcome`;
    const values = [payment.intentId, payment.id, payment.amount, payment.chargeId];
    await withRival(database, async (first, second) => {
      const pid = await processOf(second);
      const ours = await first.query(APPLY, values);
      const theirs = second.query(APPLY, values);
      await untilBlocked(database, pid);
      await first.query("commit");
      expect(ours.rows).toEqual([{ outcome: "confirmed" }]);
      expect((await theirs).rows).toEqual([{ outcome: "unchanged" }]);
      await second.query("commit");
    });
    expect(await effects(booking)).toEqual({ facts: 1, mails: 2, events: 2, refunds: 0 });
  });

  test("may be told of before the server has noted it: the metadata has our id", async () => {
    const booking = await held();
    const id = text(await begin(guest, booking), "id");
    const payment = {
      id,
      bookingId: booking,
      amount: 44_800,
      intentId: `pi_early_${id}`,
      chargeId: `ch_${id}`,
      currency: "EUR",
    };
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
    await asServer(database, "select app_private.attach_payment_intent($1, $2)", [id, "pi_other"]);
    const noted = await asOwner(
      database,
      "select stripe_payment_intent_id as intent from app_public.payments where id = $1",
      [id],
    );
    expect(noted).toEqual([{ intent: payment.intentId }]);
  });

  test("of nobody's is unknown, and so is one that says it is of another's payment", async () => {
    const payment = await begunPayment(database, guest, await held());
    expect(await follow(database, { ...payment, intentId: "pi_forged" }, "succeeded")).toBe(
      "unknown",
    );
    const nobodys = { ...payment, id: "00000000-0000-7000-8000-000000000000", intentId: "pi_x" };
    expect(await follow(database, nobodys, "succeeded")).toBe("unknown");
    expect(await paymentStatus(payment)).toBe("requires_payment");
  });

  test("of another amount, or without a charge, confirms nothing", async () => {
    const booking = await held();
    const payment = await begunPayment(database, guest, booking);
    for (const received of [payment.amount + 1, 0, -payment.amount, null]) {
      expect(await refusal(follow(database, payment, "succeeded", { received }))).toBe("SBM03");
    }
    const chargeless = asServer(
      database,
      "select app_private.apply_payment_intent($1, $2, 'succeeded', $3, null, null, $3, 'EUR')",
      [payment.intentId, payment.id, payment.amount],
    );
    expect(await refusal(chargeless)).toBe("SBM03");
    expect(await bookingStatus(database, booking)).toBe("pending_payment");
  });
});

describe("an intent on its way", () => {
  test("is followed, and why a card was declined is kept until it works", async () => {
    const booking = await held();
    const payment = await begunPayment(database, guest, booking);
    for (const [intent, ours] of [
      ["requires_payment_method", "requires_payment"],
      ["requires_action", "requires_action"],
      ["processing", "processing"],
      ["something new", "requires_payment"],
      ["requires_capture", "authorised"],
    ] as const) {
      expect(await follow(database, payment, intent, { failure: "card_declined" })).toBe("noted");
      expect(await paymentStatus(payment)).toBe(ours);
    }
    const failure = () =>
      asOwner(database, "select failure_code from app_public.payments where id = $1", [payment.id]);
    expect(await failure()).toEqual([{ failure_code: "card_declined" }]);
    await follow(database, payment, "succeeded");
    expect(await failure()).toEqual([{ failure_code: null }]);
  });

  test("is cancelled where the booking ended while Stripe was being asked", async () => {
    const booking = await held();
    const id = text(await begin(guest, booking), "id");
    await asVisitor(database, guest, "select app_public.cancel_hold($1)", [booking]);
    const jobs = () =>
      asOwner(database, "select from graphile_worker.jobs where key = $1", [
        `payment__cancel_intent:${id}`,
      ]);
    expect(await jobs()).toHaveLength(0);
    await asServer(database, "select app_private.attach_payment_intent($1, $2)", [id, `pi_${id}`]);
    expect(await jobs()).toHaveLength(1);
  });

  test("is cancelled also where the booking ends at the very moment it is noted", async () => {
    const booking = await held();
    const id = text(await begin(guest, booking), "id");
    await withRival(database, async (ending, noting) => {
      await ending.query("select set_config('staybase.user_id', $1, true)", [guest]);
      await ending.query(`select set_config('role', 'staybase_visitor', true)`);
      const pid = await processOf(noting);
      await ending.query("select app_public.cancel_hold($1)", [booking]);
      const noted = noting.query("select app_private.attach_payment_intent($1, $2)", [
        id,
        `pi_${id}`,
      ]);
      await untilBlocked(database, pid);
      await ending.query("commit");
      await noted;
      await noting.query("commit");
    });
    const jobs = await asOwner(database, "select from graphile_worker.jobs where key = $1", [
      `payment__cancel_intent:${id}`,
    ]);
    expect(jobs).toHaveLength(1);
  });
});

test("the job reads what it needs of a payment", async () => {
  const payment = await pay(database, guest, await held());
  const read = (id: string) =>
    asServer(
      database,
      `select stripe_payment_intent_id as intent, status::text
       from app_private.payment_for_job($1)`,
      [id],
    );
  expect(await read(payment.id)).toEqual([{ intent: payment.intentId, status: "captured" }]);
  expect(await read(payment.bookingId)).toEqual([{ intent: null, status: null }]);
});

test("without the guard a booking is charged twice (negative control of M6)", async () => {
  const bare = await openTestDatabase();
  try {
    await stopClock(bare, NOON);
    const [seller, buyer] = [await somebody(bare), await somebody(bare)];
    const booking = await paidBooking(bare, buyer, await publishedListing(bare, seller));
    const again = `insert into app_public.payments
        (booking_id, status, currency, amount, captured_amount, stripe_charge_id, host_amount,
          platform_amount)
      select booking_id, status, currency, amount, captured_amount, 'ch_again', host_amount,
        platform_amount
      from app_public.payments where booking_id = $1`;
    expect(await refusal(asOwner(bare, again, [booking]))).toBe("23505");
    await asOwner(bare, "drop index app_public.payments_one_live_a_purpose");
    expect(await refusal(asOwner(bare, again, [booking]))).toBe("it was not refused");
  } finally {
    await bare.dispose();
  }
});
