/**
 * Changing a sold stay: what one side proposes, the other accepts, and the guest pays or gets back.
 * The nights swap in one transaction; the old ones are kept until the new ones are paid.
 */
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
  type ListingOptions,
  NOON,
  one,
  paidBooking,
  publishEvents,
  publishedListing,
  type Row,
  refusal,
  STAY,
  type Stay,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";
import { drawFrom } from "../../helpers/generate.ts";

const database = testDatabase();
let host: string;
let guest: string;
let other: string;

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  other = await somebody(database, "Otto");
  await asOwner(database, "update app_private.quotas set most = 10000");
});

beforeEach(() => stopClock(database, NOON));

afterEach(async () => {
  for (const check of ["ledger_drift", "calendar_drift"]) {
    expect(await asServer(database, `select * from app_private.${check}()`)).toEqual([]);
  }
});

/** What a stay of the factories costs: four nights and the fee. */
const PAID = 44_800;
const NIGHT = 11_200;

const sold = async (options: ListingOptions = {}): Promise<[booking: string, listing: string]> => {
  const listing = await publishedListing(database, host, options);
  return [await paidBooking(database, guest, listing), listing];
};

let keys = 0;
const propose = async (
  as: string,
  booking: string,
  stay: Stay,
  guests = 1,
  key = `propose-key-${++keys}`,
): Promise<Row> =>
  one(
    await asVisitor(
      database,
      as,
      `select id, status::text, difference_amount::int as more, sequence
       from app_public.propose_alteration($1, $2, $3, $4, $5)`,
      [booking, key, ...stay, guests],
    ),
  );
const accept = async (as: string, { id }: Row, key = `accept-key-${++keys}`): Promise<Row> =>
  one(
    await asVisitor(
      database,
      as,
      "select id, status::text from app_public.accept_alteration($1, $2)",
      [id, key],
    ),
  );
const end = async (as: string, { id }: Row, reason = ""): Promise<Row> =>
  one(
    await asVisitor(database, as, "select status::text from app_public.end_alteration($1, $2)", [
      id,
      reason,
    ]),
  );

const stayOf = async (booking: string): Promise<Row> =>
  one(
    await asOwner(
      database,
      `select b.check_in::text as in, b.check_out::text as out, b.guests, b.unit_number as unit,
         b.total_amount::int as total,
         (select array_agg(c.kind::text || ' ' || c.nights::text order by c.kind, c.nights)
          from app_public.calendar_claims c where c.booking_id = b.id) as claims
       from app_public.bookings b where b.id = $1`,
      [booking],
    ),
  );

const statusOf = async ({ id }: Row): Promise<string> =>
  text(
    await asOwner(database, "select status::text from app_public.alterations where id = $1", [id]),
    "status",
  );

async function balances(booking: string): Promise<Record<string, number>> {
  const rows = await asOwner(
    database,
    `select a.kind::text as kind, sum(e.amount)::int as amount
     from app_public.ledger_transactions t
     join app_public.ledger_entries e on e.transaction_id = t.id
     join app_public.ledger_accounts a on a.id = e.account_id
     where t.booking_id = $1 group by a.kind having sum(e.amount) <> 0`,
    [booking],
  );
  return Object.fromEntries(rows.map(({ kind, amount }) => [kind, Number(amount)]));
}

const LONGER: Stay = ["2031-06-10", "2031-06-16"];
const SHORTER: Stay = ["2031-06-10", "2031-06-12"];
const MOVED: Stay = ["2031-06-12", "2031-06-16"];
const BOTH_ENDS: Stay = ["2031-06-09", "2031-06-15"];

describe("a stay that becomes longer", () => {
  test("keeps its nights, holds the new ones, and changes when the difference is paid", async () => {
    const [booking, listing] = await sold();
    const proposed = await propose(guest, booking, LONGER);
    expect(proposed).toMatchObject({ status: "proposed", more: 2 * NIGHT, sequence: 1 });
    expect(await accept(host, proposed)).toMatchObject({ status: "accepted" });
    expect(await stayOf(booking)).toMatchObject({
      out: "2031-06-14",
      total: PAID,
      claims: ["hold [2031-06-14,2031-06-16)", "booking [2031-06-10,2031-06-14)"],
    });
    expect(await refusal(hold(database, other, listing, ["2031-06-15", "2031-06-17"]))).toBe(
      "SBC01",
    );
    const payment = await begunPayment(database, guest, booking);
    expect(payment.amount).toBe(2 * NIGHT);
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
    expect(await stayOf(booking)).toMatchObject({
      out: "2031-06-16",
      total: PAID + 2 * NIGHT,
      claims: ["booking [2031-06-10,2031-06-16)"],
    });
    expect(await statusOf(proposed)).toBe("applied");
    expect(await balances(booking)).toEqual({
      stripe_balance: PAID + 2 * NIGHT,
      host_payable: -1.5 * 38_800,
      platform_revenue: -1.5 * 6000,
    });
  });

  test("on both ends holds both", async () => {
    const [booking] = await sold();
    await accept(guest, await propose(host, booking, BOTH_ENDS));
    expect(await stayOf(booking)).toMatchObject({
      claims: [
        "hold [2031-06-09,2031-06-10)",
        "hold [2031-06-14,2031-06-15)",
        "booking [2031-06-10,2031-06-14)",
      ],
    });
    await follow(database, await begunPayment(database, guest, booking), "succeeded");
    expect(await stayOf(booking)).toMatchObject({ claims: ["booking [2031-06-09,2031-06-15)"] });
  });

  test("moves to another unit where its own is taken", async () => {
    const [booking, listing] = await sold({ units: 2 });
    await paidBooking(database, other, listing, ["2031-06-14", "2031-06-16"]);
    const before = await stayOf(booking);
    const taken = await asOwner(
      database,
      "select unit_number as unit from app_public.bookings where listing_id = $1 and id <> $2",
      [listing, booking],
    );
    await accept(host, await propose(guest, booking, LONGER));
    await follow(database, await begunPayment(database, guest, booking), "succeeded");
    const after = await stayOf(booking);
    expect(after.claims).toEqual(["booking [2031-06-10,2031-06-16)"]);
    expect(after.unit === before.unit).toBe(one(taken).unit !== before.unit);
  });

  test("onto taken nights is refused, when proposed and when accepted", async () => {
    const [booking, listing] = await sold();
    const proposed = await propose(guest, booking, LONGER);
    await paidBooking(database, other, listing, ["2031-06-15", "2031-06-17"]);
    expect(await refusal(accept(host, proposed))).toBe("SBC01");
    await end(host, proposed);
    expect(await refusal(propose(guest, booking, LONGER))).toBe("SBC01");
    expect(await stayOf(booking)).toMatchObject({ claims: ["booking [2031-06-10,2031-06-14)"] });
  });

  test("is given up when nobody pays: the nights are free, and late money goes back", async () => {
    const [booking, listing] = await sold();
    const accepted = await accept(host, await propose(guest, booking, LONGER));
    const payment = await begunPayment(database, guest, booking);
    await stopClock(database, "2031-06-03T11:05:00Z");
    expect(await refusal(begunPayment(database, guest, booking))).toBe("SBB06");
    await asServer(database, "select app_private.end_hold($1)", [payment.id]);
    expect(await statusOf(accepted)).toBe("accepted");
    await stopClock(database, "2031-06-03T11:10:00Z");
    await hold(database, other, listing, ["2031-06-14", "2031-06-16"]);
    expect(await statusOf(accepted)).toBe("expired");
    expect(await follow(database, payment, "succeeded")).toBe("refunding");
    expect(await bookingStatus(database, booking)).toBe("confirmed");
    expect(await stayOf(booking)).toMatchObject({ total: PAID });
    expect(await balances(booking)).toMatchObject({ guest_payable: -payment.amount });
  });

  test("that Stripe says was not paid ends at once", async () => {
    const [booking] = await sold();
    const accepted = await accept(host, await propose(guest, booking, LONGER));
    const payment = await begunPayment(database, guest, booking);
    await follow(database, payment, "canceled");
    expect(await statusOf(accepted)).toBe("accepted");
    const again = await begunPayment(database, guest, booking, "pi_again");
    await stopClock(database, "2031-06-03T11:00:00Z");
    await follow(database, again, "canceled");
    expect(await statusOf(accepted)).toBe("expired");
    expect(await stayOf(booking)).toMatchObject({ claims: ["booking [2031-06-10,2031-06-14)"] });
  });
});

describe("a stay that becomes shorter", () => {
  test("changes at once, frees its nights, and gives the difference back", async () => {
    const [booking, listing] = await sold();
    const proposed = await propose(guest, booking, SHORTER);
    expect(proposed).toMatchObject({ more: -2 * NIGHT });
    expect(await accept(host, proposed)).toMatchObject({ status: "applied" });
    expect(await stayOf(booking)).toMatchObject({
      out: "2031-06-12",
      total: PAID - 2 * NIGHT,
      claims: ["booking [2031-06-10,2031-06-12)"],
    });
    await hold(database, other, listing, ["2031-06-12", "2031-06-14"]);
    const refunds = await asOwner(
      database,
      `select r.id, r.amount::int, r.reason_code::text as code from app_public.refunds r
       join app_public.payments p on p.id = r.payment_id where p.booking_id = $1`,
      [booking],
    );
    expect(refunds).toEqual([{ id: refunds[0]?.id, amount: 2 * NIGHT, code: "altered" }]);
    await followRefund(database, String(refunds[0]?.id), "succeeded");
    expect(await balances(booking)).toEqual({
      stripe_balance: PAID - 2 * NIGHT,
      host_payable: -38_800 / 2,
      platform_revenue: -6000 / 2,
    });
  });

  test("on the way: the guest leaves early, today at the earliest", async () => {
    const [booking] = await sold();
    await stopClock(database, "2031-06-12T09:00:00Z");
    expect(await refusal(propose(guest, booking, ["2031-06-11", "2031-06-13"]))).toBe("SBC03");
    expect(await refusal(propose(guest, booking, ["2031-06-10", "2031-06-11"]))).toBe("SBC03");
    expect(await refusal(propose(guest, booking, ["2031-06-13", "2031-06-14"]))).toBe("SBC03");
    await accept(host, await propose(guest, booking, SHORTER));
    expect(await stayOf(booking)).toMatchObject({ out: "2031-06-12" });
    await asServer(database, "select app_private.complete_stays()");
    expect(await bookingStatus(database, booking)).toBe("completed");
  });

  test("and is cancelled then gives back the rest, and no more", async () => {
    const [booking] = await sold();
    await accept(host, await propose(guest, booking, SHORTER));
    await asVisitor(database, host, "select app_public.cancel_booking($1, 'cancel-altered')", [
      booking,
    ]);
    expect(await balances(booking)).toEqual({ stripe_balance: PAID, guest_payable: -PAID });
  });
});

test("a stay that only moves changes at once, and costs nothing", async () => {
  const [booking] = await sold();
  expect(await accept(host, await propose(guest, booking, MOVED))).toMatchObject({
    status: "applied",
  });
  expect(await stayOf(booking)).toMatchObject({
    in: "2031-06-12",
    out: "2031-06-16",
    total: PAID,
    claims: ["booking [2031-06-12,2031-06-16)"],
  });
});

describe("more guests", () => {
  const options = { extraGuestFeeAmount: 1000 };

  test("are paid for, and need no nights", async () => {
    const [booking] = await sold(options);
    const proposed = await propose(guest, booking, STAY, 2);
    expect(proposed.more).toBe(4480);
    await accept(host, proposed);
    await follow(database, await begunPayment(database, guest, booking), "succeeded");
    expect(await stayOf(booking)).toMatchObject({ guests: 2, total: PAID + 4480 });
  });

  test("that nobody pays for are forgotten", async () => {
    const [booking] = await sold(options);
    const accepted = await accept(host, await propose(guest, booking, STAY, 2));
    await stopClock(database, "2031-06-03T11:10:00Z");
    await asServer(database, "select app_private.end_alterations()");
    expect(await statusOf(accepted)).toBe("expired");
  });

  test("than fit are refused", async () => {
    const [booking] = await sold(options);
    expect(await refusal(propose(guest, booking, STAY, 5))).toBe("SBC05");
    expect(await refusal(propose(guest, booking, STAY, 0))).toBe("SBC06");
  });
});

describe("a proposal", () => {
  test("is answered by the other side alone", async () => {
    const [booking] = await sold();
    const proposed = await propose(guest, booking, LONGER);
    expect(await refusal(accept(guest, proposed))).toBe("SBG02");
    expect(await refusal(accept(other, proposed))).toBe("SBB13");
    expect(await refusal(end(other, proposed))).toBe("SBB13");
    expect(await refusal(propose(other, booking, LONGER))).toBe("SBB01");
    expect(await end(host, proposed, "We are away.")).toEqual({ status: "declined" });
    expect(await refusal(accept(host, proposed))).toBe("SBB11");
    expect(await end(guest, await propose(guest, booking, LONGER))).toEqual({
      status: "withdrawn",
    });
  });

  test("is one at a time, and once for a key", async () => {
    const [booking] = await sold();
    const first = await propose(guest, booking, LONGER, 1, "one-proposal");
    expect(await propose(guest, booking, LONGER, 1, "one-proposal")).toEqual(first);
    expect(await refusal(propose(guest, booking, SHORTER, 1, "one-proposal"))).toBe("SBB03");
    expect(await refusal(propose(host, booking, SHORTER))).toBe("SBB12");
    const once = `accept-once-${booking}`;
    await accept(host, first, once);
    expect(await accept(host, first, once)).toMatchObject({ status: "accepted" });
    expect(await refusal(accept(host, first))).toBe("SBB11");
  });

  test("is over after a day, and another one can be made", async () => {
    const [booking] = await sold();
    const proposed = await propose(guest, booking, LONGER);
    await stopClock(database, "2031-06-03T11:00:00Z");
    expect(await refusal(accept(host, proposed))).toBe("SBB11");
    await propose(host, booking, SHORTER);
    expect(await statusOf(proposed)).toBe("expired");
  });

  test("is for a sold stay that is not over, and changes something", async () => {
    const [booking, listing] = await sold();
    expect(await refusal(propose(guest, booking, STAY))).toBe("SBG04");
    expect(await refusal(propose(guest, booking, ["2031-06-12", "2031-06-12"]))).toBe("SBC02");
    await stopClock(database, "2031-06-14T10:00:00Z");
    expect(await refusal(propose(guest, booking, LONGER))).toBe("SBB08");
    await stopClock(database, NOON);
    const held = await hold(database, guest, listing, ["2031-07-01", "2031-07-03"]);
    expect(await refusal(propose(guest, held, ["2031-07-01", "2031-07-04"]))).toBe("SBB08");
    await asVisitor(database, guest, "select app_public.cancel_booking($1, 'cancel-before')", [
      booking,
    ]);
    expect(await refusal(propose(guest, booking, LONGER))).toBe("SBB08");
  });

  test("ends with its stay", async () => {
    const [booking] = await sold();
    const accepted = await accept(host, await propose(guest, booking, LONGER));
    const payment = await begunPayment(database, guest, booking);
    await asVisitor(database, host, "select app_public.cancel_booking($1, 'cancel-open')", [
      booking,
    ]);
    expect(await statusOf(accepted)).toBe("expired");
    expect(await follow(database, payment, "succeeded")).toBe("refunding");
    expect(await balances(booking)).toMatchObject({ guest_payable: -PAID - payment.amount });
  });

  test("cannot be ended while a bank decides", async () => {
    const [booking] = await sold();
    const accepted = await accept(host, await propose(guest, booking, LONGER));
    const payment = await begunPayment(database, guest, booking);
    await follow(database, payment, "processing");
    expect(await refusal(end(guest, accepted))).toBe("SBB08");
    expect(await refusal(propose(guest, booking, SHORTER))).toBe("SBB12");
    await stopClock(database, "2031-06-03T12:00:00Z");
    await asServer(database, "select app_private.expire_holds()");
    expect(await statusOf(accepted)).toBe("accepted");
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
  });

  test("is told to the other side, and what comes of it to both", async () => {
    const [booking] = await sold();
    await accept(host, await propose(guest, booking, SHORTER));
    await publishEvents(database);
    const told = await asOwner(
      database,
      `select kind, user_id = $2 as to_host from app_private.mails
       where booking_id = $1 and kind like 'alteration%' order by kind, to_host`,
      [booking, host],
    );
    expect(told).toEqual([
      { kind: "alteration_applied", to_host: false },
      { kind: "alteration_applied", to_host: true },
      { kind: "alteration_proposed", to_host: true },
    ]);
  });
});

describe("a host who lets guests change their stays", () => {
  const lets = async (options: ListingOptions = {}): Promise<string> => {
    const [booking, listing] = await sold(options);
    await asVisitor(
      database,
      host,
      "update app_public.listings set accepts_alterations = true where id = $1",
      [listing],
    );
    return booking;
  };

  test("need not answer what costs no less", async () => {
    expect(await propose(guest, await lets(), LONGER)).toMatchObject({ status: "accepted" });
    expect(await propose(guest, await lets(), MOVED)).toMatchObject({ status: "applied" });
  });

  test("is asked about what costs less, breaks a rule, or is the host's own idea", async () => {
    expect(await propose(guest, await lets(), SHORTER)).toMatchObject({ status: "proposed" });
    const strict = await lets({ maxNights: 5 });
    expect(await propose(guest, strict, LONGER)).toMatchObject({ status: "proposed" });
    expect(await propose(host, await lets(), LONGER)).toMatchObject({ status: "proposed" });
  });
});

test("an amount that a card does not take is refused", async () => {
  const [booking] = await sold({ extraGuestFeeAmount: 10 });
  expect(await refusal(propose(guest, booking, STAY, 2))).toBe("SBP04");
});

test("any changes one after the other leave nights and money right", async () => {
  for (let seed = 0; seed < 12; seed += 1) {
    const draw = drawFrom(seed);
    await stopClock(database, NOON);
    const [booking] = await sold({
      units: draw.integer(1, 2),
      preparationDays: draw.integer(0, 2),
    });
    for (let step = 0; step < 5; step += 1) {
      const from = draw.integer(8, 14);
      const stay: Stay = [day(from), day(from + draw.integer(1, 6))];
      const [proposer, answerer] = draw.one([
        [guest, host],
        [host, guest],
      ]);
      const code = await refusal(
        propose(proposer, booking, stay).then((proposed) => accept(answerer, proposed)),
      );
      if (code !== "it was not refused") continue;
      const [open] = await asOwner(
        database,
        "select id from app_public.alterations where booking_id = $1 and status = 'accepted'",
        [booking],
      );
      if (open === undefined) continue;
      const payment = await begunPayment(database, guest, booking, `pi_${seed}_${step}`);
      const isPaid = draw.one([true, true, false]);
      if (isPaid) {
        const paid = { ...payment, chargeId: `ch_${seed}_${step}` };
        expect(await follow(database, paid, "succeeded")).toBe("confirmed");
      } else {
        await end(guest, open);
      }
    }
    expect(await asServer(database, "select * from app_private.ledger_drift()")).toEqual([]);
    expect(await asServer(database, "select * from app_private.calendar_drift()")).toEqual([]);
  }
});

const day = (of: number): string => `2031-06-${String(of).padStart(2, "0")}`;
