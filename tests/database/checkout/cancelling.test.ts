/**
 * Cancelling: what a policy gives back, at which instant, to the minor unit; and that cancelling does
 * what its preview says, once, whoever does it.
 */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { withTransaction } from "../../../src/resources/postgres.ts";
import { cases } from "../../helpers/cases.ts";
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
  type ListingOptions,
  NOON,
  one,
  paidBooking,
  publishedListing,
  type Row,
  refusal,
  type Stay,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";
import { drawFrom } from "../../helpers/generate.ts";

const database = testDatabase();
let guest: string;
let host: string;
let operator: string;

beforeAll(async () => {
  guest = await somebody(database, "Gero");
  host = await somebody(database, "Hanna");
  operator = await somebody(database, "Olga");
  await asOwner(database, "insert into app_private.operators (user_id) values ($1)", [operator]);
  await asOwner(database, "update app_private.quotas set most = 10000");
});

interface Terms {
  readonly policy?: string;
  readonly checkInFrom?: string;
}

/** A listing of four nights at 100.00 and 50.00 for cleaning, unless told otherwise. */
async function listing(terms: Terms, options: ListingOptions = {}): Promise<string> {
  const id = await publishedListing(database, host, { cleaningFeeAmount: 5000, ...options });
  await asOwner(
    database,
    `update app_public.listings set cancellation_policy = $2, check_in_from = $3 where id = $1`,
    [id, terms.policy ?? "moderate", terms.checkInFrom ?? "15:00"],
  );
  return id;
}

let keys = 0;
const cancel = (as: string, booking: string, reason = "", key = `cancel-key-${++keys}`) =>
  asVisitor(database, as, "select status from app_public.cancel_booking($1, $2, $3)", [
    booking,
    key,
    reason,
  ]);

const cancelAsOperator = (booking: string, percent: number | null, reason = "A broken heater.") =>
  withTransaction(
    database.pool,
    { role: database.config.database.operator, claims: { userId: operator } },
    (client) =>
      client.query("select app_public.cancel_booking_as_operator($1, $2, $3, $4)", [
        booking,
        `operator-${++keys}`,
        reason,
        percent,
      ]),
  );

const preview = async (as: string, booking: string): Promise<Row> => {
  const rows = await asVisitor(
    database,
    as,
    "select to_jsonb(app_public.cancellation_preview($1)) as terms",
    [booking],
  );
  return one(rows).terms as Row;
};

const OUTCOME = `select c.basis::text as basis, c.refund_amount::int as refund,
    c.host_amount::int as host, c.platform_amount::int as platform,
    (select coalesce(sum(r.amount), 0)::int from app_public.refunds r
     join app_public.payments p on p.id = r.payment_id where p.booking_id = c.booking_id) as refunds
  from app_public.cancellations c where c.booking_id = $1`;

const outcome = async (booking: string): Promise<Row> =>
  one(await asOwner(database, OUTCOME, [booking]));

const drift = () => asServer(database, "select * from app_private.ledger_drift()");

/** What the guest gets back, and what host and platform keep, of 504.00. */
const SHARES = {
  all: { refund: 50_400, host: 0, platform: 0 },
  half: { refund: 28_000, host: 19_400, platform: 3000 },
  cleaning: { refund: 5600, host: 38_800, platform: 6000 },
  nothing: { refund: 0, host: 43_650, platform: 6750 },
} as const;

type Case = readonly [
  policy: string,
  zone: string,
  checkIn: string,
  checkInFrom: string,
  cancelledAt: string,
  share: keyof typeof SHARES,
  basis: string,
  confirmedAt?: string,
];

const LISBON = "Europe/Lisbon";
/** The golden table. Instants are UTC and were worked out by hand from the zones' rules. */
const GOLDEN: readonly Case[] = [
  ["flexible", LISBON, "2032-03-10", "15:00", "2032-03-01T00:00:00Z", "all", "policy"],
  ["flexible", LISBON, "2032-03-10", "15:00", "2032-03-09T14:59:59Z", "all", "policy"],
  ["flexible", LISBON, "2032-03-10", "15:00", "2032-03-09T15:00:00Z", "all", "policy"],
  ["flexible", LISBON, "2032-03-10", "15:00", "2032-03-09T15:00:01Z", "cleaning", "policy"],
  ["flexible", LISBON, "2032-03-10", "15:00", "2032-03-10T15:00:00Z", "cleaning", "policy"],
  ["flexible", LISBON, "2032-03-10", "15:00", "2032-03-10T15:00:01Z", "nothing", "after_check_in"],
  ["flexible", LISBON, "2032-03-10", "15:00", "2032-03-12T09:00:00Z", "nothing", "after_check_in"],
  ["flexible", LISBON, "2032-03-10", "00:00", "2032-03-09T00:00:00Z", "all", "policy"],
  ["flexible", LISBON, "2032-03-10", "00:00", "2032-03-09T00:00:01Z", "cleaning", "policy"],
  ["flexible", LISBON, "2032-03-10", "23:30", "2032-03-09T23:30:00Z", "all", "policy"],
  ["flexible", LISBON, "2032-03-10", "23:30", "2032-03-10T23:30:01Z", "nothing", "after_check_in"],
  ["moderate", LISBON, "2032-03-10", "15:00", "2032-02-10T00:00:00Z", "all", "policy"],
  ["moderate", LISBON, "2032-03-10", "15:00", "2032-03-05T15:00:00Z", "all", "policy"],
  ["moderate", LISBON, "2032-03-10", "15:00", "2032-03-05T15:00:01Z", "half", "policy"],
  ["moderate", LISBON, "2032-03-10", "15:00", "2032-03-09T15:00:00Z", "half", "policy"],
  ["moderate", LISBON, "2032-03-10", "15:00", "2032-03-09T15:00:01Z", "cleaning", "policy"],
  ["moderate", LISBON, "2032-03-10", "15:00", "2032-03-10T15:00:00Z", "cleaning", "policy"],
  ["moderate", LISBON, "2032-03-10", "15:00", "2032-03-10T15:00:01Z", "nothing", "after_check_in"],
  // The thirtieth day before is in February, which has 29 days in 2032.
  ["firm", LISBON, "2032-03-10", "15:00", "2032-02-09T15:00:00Z", "all", "policy"],
  ["firm", LISBON, "2032-03-10", "15:00", "2032-02-09T15:00:01Z", "half", "policy"],
  ["firm", LISBON, "2032-03-10", "15:00", "2032-03-03T15:00:00Z", "half", "policy"],
  ["firm", LISBON, "2032-03-10", "15:00", "2032-03-03T15:00:01Z", "cleaning", "policy"],
  ["firm", LISBON, "2032-03-10", "15:00", "2032-03-10T15:00:01Z", "nothing", "after_check_in"],
  ["strict", LISBON, "2032-03-10", "15:00", "2032-01-10T00:00:00Z", "half", "policy"],
  ["strict", LISBON, "2032-03-10", "15:00", "2032-03-03T15:00:00Z", "half", "policy"],
  ["strict", LISBON, "2032-03-10", "15:00", "2032-03-03T15:00:01Z", "cleaning", "policy"],
  ["strict", LISBON, "2032-03-10", "15:00", "2032-03-10T15:00:01Z", "nothing", "after_check_in"],
  ["non_refundable", LISBON, "2032-03-10", "15:00", "2032-01-10T00:00:00Z", "cleaning", "policy"],
  ["non_refundable", LISBON, "2032-03-10", "15:00", "2032-03-10T15:00:00Z", "cleaning", "policy"],
  [
    "non_refundable",
    LISBON,
    "2032-03-10",
    "15:00",
    "2032-03-10T15:00:01Z",
    "nothing",
    "after_check_in",
  ],
  // Clocks go forward in the night to 2032-03-28: 15:00 is 14:00 UTC from then on.
  ["flexible", LISBON, "2032-03-29", "15:00", "2032-03-28T14:00:00Z", "all", "policy"],
  ["flexible", LISBON, "2032-03-29", "15:00", "2032-03-28T14:00:01Z", "cleaning", "policy"],
  ["flexible", LISBON, "2032-03-28", "15:00", "2032-03-27T15:00:00Z", "all", "policy"],
  ["flexible", LISBON, "2032-03-28", "15:00", "2032-03-27T15:00:01Z", "cleaning", "policy"],
  ["moderate", LISBON, "2032-03-29", "15:00", "2032-03-24T15:00:00Z", "all", "policy"],
  ["moderate", LISBON, "2032-03-29", "15:00", "2032-03-24T15:00:01Z", "half", "policy"],
  // 01:30 does not exist on that day: it is 02:30 of summer time.
  ["flexible", LISBON, "2032-03-28", "01:30", "2032-03-28T01:30:00Z", "cleaning", "policy"],
  ["flexible", LISBON, "2032-03-28", "01:30", "2032-03-28T01:30:01Z", "nothing", "after_check_in"],
  // Clocks go back in the night to 2032-10-31. 01:30 is there twice: the second counts.
  ["moderate", LISBON, "2032-11-01", "15:00", "2032-10-27T14:00:00Z", "all", "policy"],
  ["moderate", LISBON, "2032-11-01", "15:00", "2032-10-27T14:00:01Z", "half", "policy"],
  ["moderate", LISBON, "2032-11-01", "15:00", "2032-10-31T15:00:00Z", "half", "policy"],
  ["flexible", LISBON, "2032-10-31", "01:30", "2032-10-31T01:30:00Z", "cleaning", "policy"],
  ["flexible", LISBON, "2032-10-31", "01:30", "2032-10-31T01:30:01Z", "nothing", "after_check_in"],
  ["flexible", "America/New_York", "2032-03-14", "15:00", "2032-03-13T20:00:00Z", "all", "policy"],
  [
    "flexible",
    "America/New_York",
    "2032-03-14",
    "15:00",
    "2032-03-13T20:00:01Z",
    "cleaning",
    "policy",
  ],
  [
    "flexible",
    "America/New_York",
    "2032-03-14",
    "15:00",
    "2032-03-14T19:00:01Z",
    "nothing",
    "after_check_in",
  ],
  // Half an hour of summer time ends on 2032-04-04.
  [
    "moderate",
    "Australia/Lord_Howe",
    "2032-04-05",
    "15:00",
    "2032-03-31T04:00:00Z",
    "all",
    "policy",
  ],
  [
    "moderate",
    "Australia/Lord_Howe",
    "2032-04-05",
    "15:00",
    "2032-04-05T04:30:00Z",
    "cleaning",
    "policy",
  ],
  [
    "moderate",
    "Australia/Lord_Howe",
    "2032-04-05",
    "15:00",
    "2032-04-05T04:30:01Z",
    "nothing",
    "after_check_in",
  ],
  // The ends of the world: 14 hours ahead, 11 behind, and a quarter of an hour.
  [
    "flexible",
    "Pacific/Kiritimati",
    "2032-03-10",
    "15:00",
    "2032-03-09T01:00:00Z",
    "all",
    "policy",
  ],
  [
    "flexible",
    "Pacific/Kiritimati",
    "2032-03-10",
    "15:00",
    "2032-03-09T01:00:01Z",
    "cleaning",
    "policy",
  ],
  [
    "flexible",
    "Pacific/Kiritimati",
    "2032-03-10",
    "15:00",
    "2032-03-10T01:00:01Z",
    "nothing",
    "after_check_in",
  ],
  ["flexible", "Pacific/Pago_Pago", "2032-03-10", "15:00", "2032-03-10T02:00:00Z", "all", "policy"],
  [
    "flexible",
    "Pacific/Pago_Pago",
    "2032-03-10",
    "15:00",
    "2032-03-10T02:00:01Z",
    "cleaning",
    "policy",
  ],
  [
    "flexible",
    "Pacific/Pago_Pago",
    "2032-03-10",
    "15:00",
    "2032-03-11T02:00:01Z",
    "nothing",
    "after_check_in",
  ],
  ["flexible", "Asia/Kathmandu", "2032-03-10", "15:00", "2032-03-09T09:15:00Z", "all", "policy"],
  [
    "flexible",
    "Asia/Kathmandu",
    "2032-03-10",
    "15:00",
    "2032-03-09T09:15:01Z",
    "cleaning",
    "policy",
  ],
  // Leap days.
  ["flexible", LISBON, "2032-02-29", "15:00", "2032-02-28T15:00:00Z", "all", "policy"],
  ["flexible", LISBON, "2032-02-29", "15:00", "2032-02-28T15:00:01Z", "cleaning", "policy"],
  ["moderate", LISBON, "2032-03-01", "15:00", "2032-02-29T15:00:00Z", "half", "policy"],
  ["moderate", LISBON, "2032-03-01", "15:00", "2032-02-29T15:00:01Z", "cleaning", "policy"],
  ["moderate", LISBON, "2032-03-01", "15:00", "2032-02-25T15:00:00Z", "all", "policy"],
  // The day of grace, where check-in is seven days off, for every policy.
  ...(["moderate", "firm", "strict", "non_refundable"] as const).map(
    (policy): Case => [
      policy,
      LISBON,
      "2032-03-10",
      "15:00",
      "2032-03-02T12:00:00Z",
      "all",
      "grace_period",
      "2032-03-01T12:00:00Z",
    ],
  ),
  [
    "non_refundable",
    LISBON,
    "2032-03-10",
    "15:00",
    "2032-03-02T12:00:01Z",
    "cleaning",
    "policy",
    "2032-03-01T12:00:00Z",
  ],
  [
    "strict",
    LISBON,
    "2032-03-10",
    "15:00",
    "2032-03-02T12:00:01Z",
    "half",
    "policy",
    "2032-03-01T12:00:00Z",
  ],
  // It ends where check-in is seven days off, though the day has not passed.
  [
    "non_refundable",
    LISBON,
    "2032-03-10",
    "15:00",
    "2032-03-03T15:00:00Z",
    "all",
    "grace_period",
    "2032-03-03T10:00:00Z",
  ],
  [
    "non_refundable",
    LISBON,
    "2032-03-10",
    "15:00",
    "2032-03-03T15:00:01Z",
    "cleaning",
    "policy",
    "2032-03-03T10:00:00Z",
  ],
  [
    "firm",
    LISBON,
    "2032-03-10",
    "15:00",
    "2032-03-03T16:01:00Z",
    "cleaning",
    "policy",
    "2032-03-03T16:00:00Z",
  ],
];

test("the golden table has its sixty cases", () => {
  expect(GOLDEN.length).toBeGreaterThanOrEqual(60);
});

test.each(GOLDEN)("%s in %s, check-in %s %s, cancelled at %s: %s, by %s", async (...row: Case) => {
  const [policy, timeZone, checkIn, checkInFrom, cancelledAt, share, basis, confirmedAt] = row;
  await stopClock(database, confirmedAt ?? "2031-12-01T12:00:00Z");
  const id = await listing({ policy, checkInFrom }, { timeZone });
  const checkOut = new Date(Date.parse(checkIn) + 4 * 86_400_000).toISOString().slice(0, 10);
  const booking = await paidBooking(database, guest, id, [checkIn, checkOut]);
  await stopClock(database, cancelledAt);
  const shown = await preview(guest, booking);
  await cancel(guest, booking);
  const { refund, host: hostKeeps, platform } = SHARES[share];
  expect(await outcome(booking)).toEqual({ basis, ...SHARES[share], refunds: refund });
  expect(shown).toMatchObject({
    policy,
    basis,
    paid_amount: 50_400,
    refund_amount: refund,
    kept_amount: 50_400 - refund,
    host_amount: hostKeeps,
    platform_amount: platform,
  });
});

test("after all of them the ledger tells the truth, and owes each guest what goes back", async () => {
  expect(await drift()).toEqual([]);
  const wrong = await asOwner(
    database,
    `select c.booking_id from app_public.cancellations c
     where app_hidden.booking_balance(c.booking_id, 'guest_payable') <> c.refund_amount
       or app_hidden.booking_balance(c.booking_id, 'host_payable') <> c.host_amount
       or app_hidden.booking_balance(c.booking_id, 'platform_revenue') <> c.platform_amount`,
  );
  expect(wrong).toEqual([]);
});

const STAY_AFTER_NOON: Stay = ["2031-07-10", "2031-07-14"];

describe("a booking", () => {
  const paid = async (terms: Terms = {}, options: ListingOptions = {}): Promise<string> => {
    await stopClock(database, NOON);
    const id = await listing(terms, options);
    return paidBooking(database, guest, id, STAY_AFTER_NOON);
  };

  test.each([
    ["long before", "2031-06-10T00:00:00Z"],
    ["on the evening before", "2031-07-09T20:00:00Z"],
    ["while the guest is there", "2031-07-12T20:00:00Z"],
  ])("that its host cancels %s gives all back", async (_when, at) => {
    const booking = await paid({ policy: "non_refundable" });
    await stopClock(database, at);
    await cancel(host, booking, "The roof has a leak.");
    expect(await outcome(booking)).toEqual({
      basis: "host_cancels",
      ...SHARES.all,
      refunds: 50_400,
    });
  });

  test.each([
    [100, { refund: 50_400, host: 0, platform: 0 }],
    [25, { refund: 12_600, host: 32_738, platform: 5062 }],
    [0, { refund: 0, host: 43_650, platform: 6750 }],
  ])("that the operator cancels gives back the %s percent they say", async (percent, share) => {
    const booking = await paid();
    await stopClock(database, "2031-07-12T20:00:00Z");
    await cancelAsOperator(booking, percent);
    expect(await outcome(booking)).toEqual({
      basis: "operator_decides",
      ...share,
      refunds: share.refund,
    });
    expect(await drift()).toEqual([]);
  });

  test("that the operator cancels without a percent follows the policy", async () => {
    const booking = await paid({ policy: "strict" });
    await stopClock(database, "2031-06-20T12:00:00Z");
    await cancelAsOperator(booking, null);
    expect(await outcome(booking)).toMatchObject({ basis: "policy", refund: 28_000 });
  });

  test("is cancelled by the operator with a reason and a percent that can be", async () => {
    const booking = await paid();
    expect(await refusal(cancelAsOperator(booking, 50, " "))).toBe("SBG04");
    expect(await refusal(cancelAsOperator(booking, 101))).toBe("SBG04");
    expect(await refusal(cancelAsOperator(booking, -1))).toBe("SBG04");
    expect(await bookingStatus(database, booking)).toBe("confirmed");
  });

  test("is cancelled once: the same key gets it again, another is refused", async () => {
    const booking = await paid();
    await stopClock(database, "2031-06-20T12:00:00Z");
    const key = "the-same-key";
    expect(await cancel(guest, booking, "", key)).toEqual([{ status: "cancelled" }]);
    expect(await cancel(guest, booking, "", key)).toEqual([{ status: "cancelled" }]);
    expect(await refusal(cancel(guest, booking, "Another reason.", key))).toBe("SBB03");
    expect(await refusal(cancel(guest, booking))).toBe("SBB08");
    expect(await refusal(cancel(host, booking))).toBe("SBB08");
    expect(await outcome(booking)).toMatchObject({ refund: 50_400, refunds: 50_400 });
  });

  test("that both sides cancel at once is cancelled by one", async () => {
    for (let round = 0; round < 5; round += 1) {
      const booking = await paid({ policy: "strict" });
      await stopClock(database, "2031-06-20T12:00:00Z");
      const ends = await Promise.all(
        [guest, host, guest, host].map((who) => refusal(cancel(who, booking))),
      );
      expect(ends.sort()).toEqual(["SBB08", "SBB08", "SBB08", "it was not refused"]);
      const { refund, refunds, basis } = await outcome(booking);
      expect(refunds).toBe(refund);
      expect(refund).toBe(basis === "host_cancels" ? 50_400 : 28_000);
    }
  });

  test("is nobody else's to cancel or to look at", async () => {
    const booking = await paid();
    const stranger = await somebody(database, "Stina");
    expect(await refusal(cancel(stranger, booking))).toBe("SBB01");
    expect(await refusal(preview(stranger, booking))).toBe("SBB01");
    const asGuest = asVisitor(
      database,
      guest,
      "select app_public.cancel_booking_as_operator($1, 'guest-as-operator', 'Mine.')",
      [booking],
    );
    expect(await refusal(asGuest)).toBe("42501");
  });

  test("is not cancelled from its check-out day on", async () => {
    const booking = await paid();
    await stopClock(database, "2031-07-14T09:00:00Z");
    expect(await refusal(cancel(guest, booking))).toBe("SBB08");
    expect(await refusal(cancel(host, booking))).toBe("SBB08");
    await asServer(database, "select app_private.complete_stays()");
    expect(await refusal(preview(guest, booking))).toBe("SBB08");
  });

  test("that is cancelled has its nights free for the next guest", async () => {
    await stopClock(database, NOON);
    const id = await listing({});
    const booking = await paidBooking(database, guest, id, STAY_AFTER_NOON);
    await cancel(guest, booking);
    const next = await somebody(database, "Nils");
    expect(
      await bookingStatus(database, await paidBooking(database, next, id, STAY_AFTER_NOON)),
    ).toBe("confirmed");
  });

  test("that is not paid costs nothing, and is the guest's to give up", async () => {
    await stopClock(database, NOON);
    const booking = await hold(database, guest, await listing({}), STAY_AFTER_NOON);
    expect(await preview(guest, booking)).toMatchObject({
      basis: "not_charged",
      paid_amount: 0,
      refund_amount: 0,
      kept_amount: 0,
      line_items: [],
    });
    expect(await refusal(cancel(host, booking))).toBe("SBB08");
    await cancel(guest, booking);
    expect(await bookingStatus(database, booking)).toBe("cancelled");
    expect(await asOwner(database, OUTCOME, [booking])).toEqual([]);
  });

  test("on which a bank decides waits", async () => {
    await stopClock(database, NOON);
    const booking = await hold(database, guest, await listing({}), STAY_AFTER_NOON);
    await follow(database, await begunPayment(database, guest, booking), "processing");
    expect(await refusal(cancel(guest, booking))).toBe("SBB08");
  });

  test("keeps the terms it was sold under", async () => {
    await stopClock(database, NOON);
    const id = await listing({ policy: "flexible", checkInFrom: "15:00" });
    const booking = await paidBooking(database, guest, id, STAY_AFTER_NOON);
    await asOwner(
      database,
      `update app_public.listings
       set cancellation_policy = 'non_refundable', check_in_from = '00:00', house_rules = 'None.'
       where id = $1`,
      [id],
    );
    await stopClock(database, "2031-07-09T13:59:00Z");
    expect(await preview(guest, booking)).toMatchObject({
      policy: "flexible",
      refund_amount: 50_400,
      holds_until: "2031-07-09T14:00:00+00:00",
    });
    const kept = await asVisitor(
      database,
      guest,
      "select house_rules from app_public.bookings where id = $1",
      [booking],
    );
    expect(kept).toEqual([{ house_rules: "No parties." }]);
  });

  test("tells guest and host by mail what became of it, each once", async () => {
    const booking = await paid({ policy: "strict" });
    await stopClock(database, "2031-06-20T12:00:00Z");
    await cancel(guest, booking, "Ill.");
    await asServer(database, "select app_private.publish_events()");
    while (one(await asServer(database, "select app_private.queue_mails() as read")).read !== 0) {
      // Reads on until the last event.
    }
    const mails = await asOwner(
      database,
      `select m.kind, s.cancelled_by, s.cancellation_reason, s.kept_host_amount::int as kept,
         s.refund_amount::int as refund
       from app_private.mails m, app_private.mail_to_send(m.id) s
       where m.booking_id = $1 and m.kind like 'booking_cancelled%' order by m.kind`,
      [booking],
    );
    const told = {
      cancelled_by: "guest",
      cancellation_reason: "Ill.",
      kept: 19_400,
      refund: 28_000,
    };
    expect(mails).toEqual([
      { kind: "booking_cancelled_guest", ...told },
      { kind: "booking_cancelled_host", ...told },
    ]);
  });
});

/** The split, worked out anew: exact fractions, rounded half up in all, then by largest remainder. */
function split(
  lines: readonly { code: string; payee: string; payer: string; amount: bigint }[],
  nights: bigint,
  cleaning: bigint,
  step: bigint,
): bigint[] {
  const percentOf = (code: string): bigint => (code === "cleaning_fee" ? cleaning : nights);
  const price = lines.filter(({ payee }) => payee === "host");
  const whole = price.reduce((sum, { amount }) => sum + amount, 0n);
  const back = price.reduce((sum, { amount, code }) => sum + amount * percentOf(code), 0n);
  const result = new Array<bigint>(lines.length).fill(0n);
  for (const payer of ["guest", "host"]) {
    const mine = lines.flatMap((line, index) => (line.payer === payer ? [{ line, index }] : []));
    const denominator = 100n * whole * step;
    const shares = mine.map(({ line, index }) => {
      const numerator = line.amount * (line.payee === "host" ? percentOf(line.code) * whole : back);
      return { index, floor: numerator / denominator, rest: numerator % denominator, numerator };
    });
    const total = shares.reduce((sum, { numerator }) => sum + numerator, 0n);
    let left =
      (2n * total + denominator) / (2n * denominator) -
      shares.reduce((sum, { floor }) => sum + floor, 0n);
    for (const share of [...shares].sort((a, b) =>
      a.rest < b.rest ? 1 : a.rest > b.rest ? -1 : 0,
    )) {
      const extra = left > 0n ? 1n : 0n;
      left -= extra;
      result[share.index] = (share.floor + extra) * step;
    }
  }
  return result;
}

test("generated prices are split as an independent program splits them, and the lines sum", async () => {
  await stopClock(database, NOON);
  for (let seed = 1; seed <= cases(40, 8); seed += 1) {
    const draw = drawFrom(seed);
    const [currency, step] = draw.one([
      ["EUR", 1],
      ["JPY", 1],
      ["KWD", 10],
    ] as const);
    const amount = (most: number): number => draw.integer(50, most) * step;
    const id = await listing(
      { policy: draw.one(["flexible", "moderate", "firm", "strict", "non_refundable"]) },
      {
        currency,
        nightlyAmount: amount(30_000),
        weekendNightlyAmount: amount(30_000),
        cleaningFeeAmount: draw.one([0, amount(9000)]),
        extraGuestFeeAmount: draw.one([0, amount(2000)]),
        guestsIncluded: 1,
      },
    );
    const nights = draw.integer(1, 9);
    const stay: Stay = ["2031-07-10", `2031-07-${10 + nights}`];
    const booking = await paidBooking(database, guest, id, stay);
    const percent = draw.integer(0, 100);
    const rows = await asOwner(
      database,
      `select l.code, l.payer::text as payer, l.payee::text as payee, l.amount::text as amount,
         l.refund_amount::text as refund, l.kept_amount::text as kept
       from app_public.bookings b,
         app_hidden.cancellation_lines(b, 'operator_decides', $2, $3) l where b.id = $1`,
      [booking, percent, 100],
    );
    const lines = rows.map((row) => ({
      code: String(row.code),
      payer: String(row.payer),
      payee: String(row.payee),
      amount: BigInt(String(row.amount)),
    }));
    const refunds = rows.map(({ refund }) => BigInt(String(refund)));
    expect({ seed, refunds }).toEqual({
      seed,
      refunds: split(lines, BigInt(percent), 100n, BigInt(step)),
    });
    for (const [index, line] of lines.entries()) {
      const refund = refunds[index] ?? -1n;
      expect(refund >= 0n && refund <= line.amount).toBe(true);
      expect(BigInt(String(rows[index]?.kept)) + refund).toBe(line.amount);
      expect(refund % BigInt(step)).toBe(0n);
    }
    await cancel(draw.one([guest, host]), booking);
  }
  expect(await drift()).toEqual([]);
});

test("a refund that fails leaves a debt that is seen", async () => {
  await stopClock(database, NOON);
  const booking = await paidBooking(database, guest, await listing({}), STAY_AFTER_NOON);
  await cancel(guest, booking);
  const refund = await asOwner(
    database,
    `select r.id from app_public.refunds r join app_public.payments p on p.id = r.payment_id
     where p.booking_id = $1`,
    [booking],
  );
  const id = text(refund, "id");
  const owed = async () =>
    one(
      await asOwner(
        database,
        `select app_hidden.booking_balance($1, 'guest_payable')::int as owed,
           (select needs_attention from app_public.refunds where id = $2) as open`,
        [booking, id],
      ),
    );
  const report = (status: string) => followRefund(database, id, status);
  expect(await owed()).toEqual({ owed: 50_400, open: false });
  await report("succeeded");
  expect(await owed()).toEqual({ owed: 0, open: false });
  await report("failed");
  expect(await owed()).toEqual({ owed: 50_400, open: true });
  expect(await drift()).toEqual([]);
});
