/**
 * A stay that the host is asked for: the card is authorised, the host has a day to answer, accepting
 * takes the money, and every other end lets go of the card.
 */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  bookingStatus,
  follow,
  hold,
  type ListingOptions,
  NOON,
  one,
  type Payment,
  publishEvents,
  publishedListing,
  quoted,
  type Row,
  refusal,
  STAY,
  type Stay,
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
  await asOwner(database, "update app_private.quotas set most = 10000");
});

beforeEach(() => stopClock(database, NOON));

const asks = (options: ListingOptions = {}): Promise<string> =>
  publishedListing(database, host, { bookingMode: "request", ...options });

/** A request whose card is authorised and which waits for its host. */
async function request(
  listing?: string,
  stay: Stay = STAY,
  authorisedUntil?: string,
): Promise<Payment> {
  const booking = await hold(database, guest, listing ?? (await asks()), stay);
  const payment = await begunPayment(database, guest, booking);
  await follow(database, payment, "requires_capture", {
    ...(authorisedUntil === undefined ? {} : { authorisedUntil }),
  });
  return payment;
}

let keys = 0;
const accept = (as: string, booking: string, key = `accept-key-${++keys}`): Promise<Row[]> =>
  asVisitor(database, as, "select status from app_public.accept_booking($1, $2)", [booking, key]);
const decline = (as: string, booking: string, reason = "", key = `decline-key-${++keys}`) =>
  asVisitor(database, as, "select status from app_public.decline_booking($1, $2, $3)", [
    booking,
    key,
    reason,
  ]);
const withdraw = (booking: string, key = `withdraw-key-${++keys}`): Promise<Row[]> =>
  asVisitor(database, guest, "select status from app_public.cancel_booking($1, $2)", [
    booking,
    key,
  ]);

const bookingRow = async (booking: string): Promise<Row> =>
  one(
    await asOwner(
      database,
      `select b.status::text, b.status_reason as reason, b.booking_mode::text as mode,
         to_char(b.answer_due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"') as due,
         (select c.kind::text from app_public.calendar_claims c where c.booking_id = b.id) as claim
       from app_public.bookings b where b.id = $1`,
      [booking],
    ),
  );

const jobsOf = async (payment: Payment): Promise<unknown[]> => {
  const rows = await asOwner(
    database,
    `select task_identifier as task from graphile_worker.jobs
     where key like '%' || $1 and task_identifier in ('payment__capture', 'payment__cancel_intent')
     order by 1`,
    [payment.id],
  );
  return rows.map(({ task }) => task);
};

const paymentStatus = async ({ id }: Payment): Promise<string> =>
  text(
    await asOwner(database, "select status from app_public.payments where id = $1", [id]),
    "status",
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

const nothingDrifts = async (): Promise<void> => {
  for (const check of ["ledger_drift", "calendar_drift"]) {
    expect(await asServer(database, `select * from app_private.${check}()`)).toEqual([]);
  }
};

describe("a request", () => {
  test("waits for its host once the card is authorised, and takes no money", async () => {
    const payment = await request();
    expect(await bookingRow(payment.bookingId)).toEqual({
      status: "requested",
      reason: "The card is authorised.",
      mode: "request",
      due: "2031-06-03T11:00Z",
      claim: "hold",
    });
    expect(await paymentStatus(payment)).toBe("authorised");
    expect(
      await asOwner(database, "select from app_public.ledger_transactions where booking_id = $1", [
        payment.bookingId,
      ]),
    ).toEqual([]);
    expect(await mails(payment.bookingId)).toEqual([
      "booking_requested_guest",
      "booking_requested_host",
    ]);
  });

  test("keeps its mode when the listing changes its own", async () => {
    const listing = await asks();
    const booking = await hold(database, guest, listing);
    await asVisitor(
      database,
      host,
      "update app_public.listings set booking_mode = 'instant' where id = $1",
      [listing],
    );
    const payment = await begunPayment(database, guest, booking);
    expect(
      await asOwner(
        database,
        "select capture_method::text as method from app_public.payments where id = $1",
        [payment.id],
      ),
    ).toEqual([{ method: "manual" }]);
  });

  test("of a listing that is booked at once is none", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    const payment = await begunPayment(database, guest, booking);
    await follow(database, payment, "requires_capture");
    expect(await bookingStatus(database, booking)).toBe("pending_payment");
    expect(await refusal(accept(host, booking))).toBe("SBB08");
  });

  test("is quoted, and found by search with dates, which says its kind", async () => {
    const place = { longitude: 12.5, latitude: 41.9 };
    const listings = [await asks(place), await publishedListing(database, host, place)];
    await quoted(database, guest, listings[0] ?? "");
    const search = (instantOnly: boolean) =>
      asVisitor(
        database,
        guest,
        `select listing_id as id, booking_mode::text as mode, total_amount is not null as priced
         from app_public.search_listings(12, 41, 13, 42, $1, $2, instant_only => $3)
         order by mode`,
        [...STAY, instantOnly],
      );
    expect(await search(false)).toEqual([
      { id: listings[1], mode: "instant", priced: true },
      { id: listings[0], mode: "request", priced: true },
    ]);
    expect(await search(true)).toEqual([{ id: listings[1], mode: "instant", priced: true }]);
  });
});

describe("the host's time to answer", () => {
  test.each<[string, Stay, string | undefined, string]>([
    ["is 24 hours", STAY, undefined, "2031-06-03T11:00Z"],
    [
      "ends ten minutes before the authorisation does",
      STAY,
      "2031-06-02T20:00:00Z",
      "2031-06-02T19:50Z",
    ],
    ["is not longer for a longer authorisation", STAY, "2031-06-09T11:00:00Z", "2031-06-03T11:00Z"],
    // In Lisbon it is 15:00 then, the hour of check-in.
    ["ends when the stay begins", ["2031-06-02", "2031-06-05"], undefined, "2031-06-02T14:00Z"],
  ])("%s", async (_, stay, until, due) => {
    const payment = await request(undefined, stay, until);
    expect(await bookingRow(payment.bookingId)).toMatchObject({ status: "requested", due });
  });

  test("may be none: then the request ends at once, and the card is let go of", async () => {
    const payment = await request(undefined, STAY, "2031-06-02T11:05:00Z");
    expect(await bookingRow(payment.bookingId)).toMatchObject({
      status: "cancelled",
      reason: "No time was left for the host to answer.",
      claim: null,
    });
    expect(await jobsOf(payment)).toEqual(["payment__cancel_intent"]);
    expect(await mails(payment.bookingId)).toEqual(["request_ended_guest"]);
  });

  test("is over to the instant; the nights are free for the next guest, without a job", async () => {
    const listing = await asks();
    const payment = await request(listing);
    await stopClock(database, "2031-06-03T10:59:59Z");
    expect(await refusal(hold(database, other, listing))).toBe("SBC01");
    await stopClock(database, "2031-06-03T11:00:00Z");
    expect(await refusal(accept(host, payment.bookingId))).toBe("SBB05");
    expect(await refusal(decline(host, payment.bookingId))).toBe("SBB05");
    await hold(database, other, listing);
    expect(await bookingRow(payment.bookingId)).toMatchObject({
      status: "expired",
      reason: "The host did not answer in time.",
    });
    expect(await jobsOf(payment)).toEqual(["payment__cancel_intent"]);
    expect(await mails(payment.bookingId)).toEqual([
      "booking_requested_guest",
      "booking_requested_host",
      "request_ended_guest",
      "request_ended_host",
    ]);
  });

  test("ends by the job, for all requests of a listing and with its holds", async () => {
    const listing = await asks({ units: 3 });
    const [first, second] = [await request(listing), await request(listing)];
    const held = await hold(database, guest, listing);
    await stopClock(database, "2031-06-03T11:00:00Z");
    await asServer(database, "select app_private.expire_holds()");
    for (const id of [first.bookingId, second.bookingId, held]) {
      expect(await bookingStatus(database, id)).toBe("expired");
    }
    await nothingDrifts();
  });
});

describe("accepting", () => {
  test("takes the money by a job, and the booking is confirmed when it is there", async () => {
    const payment = await request();
    expect(await accept(host, payment.bookingId)).toEqual([{ status: "accepted" }]);
    expect(await bookingRow(payment.bookingId)).toMatchObject({
      status: "accepted",
      claim: "hold",
    });
    expect(await jobsOf(payment)).toEqual(["payment__capture"]);
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
    expect(await bookingRow(payment.bookingId)).toMatchObject({
      status: "confirmed",
      claim: "booking",
    });
    expect(await mails(payment.bookingId)).toEqual([
      "booking_confirmed_guest",
      "booking_confirmed_host",
      "booking_requested_guest",
      "booking_requested_host",
    ]);
    await nothingDrifts();
  });

  test("twice with one key is once; again with another is refused", async () => {
    const { bookingId } = await request();
    await accept(host, bookingId, "accept-once-only");
    expect(await accept(host, bookingId, "accept-once-only")).toEqual([{ status: "accepted" }]);
    expect(await refusal(accept(host, bookingId))).toBe("SBB08");
    expect(await refusal(decline(host, bookingId))).toBe("SBB08");
    expect(await refusal(withdraw(bookingId))).toBe("SBB08");
    expect(await refusal(decline(host, bookingId, "", "accept-once-only"))).toBe("SBB03");
  });

  test("is the host's alone", async () => {
    const { bookingId } = await request();
    for (const act of [accept, decline]) {
      expect(await refusal(act(guest, bookingId))).toBe("SBG02");
      expect(await refusal(act(other, bookingId))).toBe("SBB01");
    }
    expect(await bookingStatus(database, bookingId)).toBe("requested");
  });

  test("is not possible before the card is authorised", async () => {
    const booking = await hold(database, guest, await asks());
    expect(await refusal(accept(host, booking))).toBe("SBB08");
    await begunPayment(database, guest, booking);
    expect(await refusal(decline(host, booking))).toBe("SBB08");
  });

  test("meets a bank that has let go of the money: the request ends", async () => {
    const payment = await request();
    await accept(host, payment.bookingId);
    await follow(database, payment, "canceled");
    expect(await bookingRow(payment.bookingId)).toMatchObject({
      status: "expired",
      reason: "The bank no longer sets the money aside.",
      claim: null,
    });
    expect(await mails(payment.bookingId)).toEqual([
      "booking_requested_guest",
      "booking_requested_host",
      "request_ended_guest",
      "request_ended_host",
    ]);
  });

  test("whose job was lost is asked for again by whoever looks at the payment", async () => {
    const payment = await request();
    await accept(host, payment.bookingId);
    await asOwner(
      database,
      "select graphile_worker.remove_job(key) from graphile_worker.jobs where key like '%' || $1",
      [payment.id],
    );
    await follow(database, payment, "requires_capture");
    expect(await jobsOf(payment)).toEqual(["payment__capture"]);
  });

  test("holds the nights for a day, then the money that comes goes back", async () => {
    const listing = await asks();
    const payment = await request(listing);
    await accept(host, payment.bookingId);
    await stopClock(database, "2031-06-03T10:59:59Z");
    expect(await refusal(hold(database, other, listing))).toBe("SBC01");
    await stopClock(database, "2031-06-03T11:00:00Z");
    await asServer(database, "select app_private.expire_holds()");
    expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
    expect(await follow(database, payment, "succeeded")).toBe("refunding");
    expect(await bookingStatus(database, payment.bookingId)).toBe("expired");
    await nothingDrifts();
  });
});

describe("every end that is no acceptance", () => {
  const ENDS: readonly (readonly [string, (payment: Payment) => Promise<unknown>, string])[] = [
    ["the host declines", ({ bookingId }) => decline(host, bookingId, "We are away."), "declined"],
    ["the guest withdraws", ({ bookingId }) => withdraw(bookingId), "cancelled"],
    [
      "the time is over",
      async () => {
        await stopClock(database, "2031-06-03T11:00:00Z");
        await asServer(database, "select app_private.expire_holds()");
      },
      "expired",
    ],
    ["the bank lets go", (payment) => follow(database, payment, "canceled"), "expired"],
  ];
  test.each(ENDS)("lets go of the card and of the nights: %s", async (_, end, status) => {
    const listing = await asks();
    const payment = await request(listing);
    await end(payment);
    expect(await bookingRow(payment.bookingId)).toMatchObject({ status, claim: null });
    const isReleased = (await paymentStatus(payment)) === "cancelled";
    expect(isReleased ? [] : await jobsOf(payment)).toEqual(
      isReleased ? [] : ["payment__cancel_intent"],
    );
    await hold(database, other, listing);
    await nothingDrifts();
  });

  test.each(ENDS)("sells nothing any more, and what is taken goes back: %s", async (_, end) => {
    const payment = await request();
    await end(payment);
    if ((await paymentStatus(payment)) === "cancelled") return;
    expect(await follow(database, payment, "succeeded")).toBe("refunding");
    const refunds = await asOwner(
      database,
      "select reason_code::text as code, amount::int from app_public.refunds where payment_id = $1",
      [payment.id],
    );
    expect(refunds).toEqual([{ code: "not_accepted", amount: payment.amount }]);
    await nothingDrifts();
  });

  test("a decline says why to the guest, who is told that nothing is paid", async () => {
    const payment = await request();
    await decline(host, payment.bookingId, "We are away.");
    await publishEvents(database);
    const facts = await asOwner(
      database,
      `select t.kind, t.status, t.status_reason from app_private.mails m
       cross join lateral app_private.mail_to_send(m.id) t
       where m.booking_id = $1 and m.kind = 'request_ended_guest'`,
      [payment.bookingId],
    );
    expect(facts).toEqual([
      { kind: "request_ended_guest", status: "declined", status_reason: "We are away." },
    ]);
  });
});

describe("money that somebody else takes", () => {
  test("of a request that nobody has accepted goes back, and the request ends", async () => {
    const payment = await request();
    expect(await follow(database, payment, "succeeded")).toBe("refunding");
    expect(await bookingRow(payment.bookingId)).toMatchObject({
      status: "cancelled",
      reason: "The money was taken before the host had accepted.",
      claim: null,
    });
    await nothingDrifts();
  });

  test("before the card was known to be authorised is no sale, either", async () => {
    const booking = await hold(database, guest, await asks());
    const payment = await begunPayment(database, guest, booking);
    expect(await follow(database, payment, "succeeded")).toBe("refunding");
    expect(await bookingStatus(database, booking)).toBe("cancelled");
    await nothingDrifts();
  });

  test("in part goes back, also of an accepted request", async () => {
    const payment = await request();
    await accept(host, payment.bookingId);
    expect(await follow(database, payment, "succeeded", { received: 1 })).toBe("refunding");
    expect(await bookingRow(payment.bookingId)).toMatchObject({
      status: "cancelled",
      reason: "Another amount was taken than was asked for.",
    });
    await nothingDrifts();
  });
});

test("older news of an authorised card changes nothing", async () => {
  const payment = await request();
  for (const status of ["requires_action", "requires_payment_method", "processing"]) {
    expect(await follow(database, payment, status)).toBe("unchanged");
  }
  expect(await paymentStatus(payment)).toBe("authorised");
  expect(await bookingStatus(database, payment.bookingId)).toBe("requested");
});
