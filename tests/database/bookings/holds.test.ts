/** Holds end: by the next claim that wants their nights, by the job, and never while money is on its way. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  book,
  bookingStatus,
  follow,
  hold,
  NOON,
  publishedListing,
  quoted,
  refusal,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;
let other: string;

/** The first instant at which a hold of noon is over, and the last before it. */
const AFTER_HOLD = "2031-06-02T11:15:00Z";
const WITHIN_HOLD = "2031-06-02T11:14:59.999999Z";

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  other = await somebody(database, "Otto");
});

beforeEach(async () => {
  // What the test before has left would be counted by the next.
  await stopClock(database, "2031-06-09T11:00:00Z");
  await expireHolds();
  await stopClock(database, NOON);
});

const expireHolds = async (): Promise<unknown> =>
  (await asServer(database, "select app_private.expire_holds() as ended"))[0]?.ended;

const claims = (booking: string) =>
  asOwner(
    database,
    "select kind::text as kind from app_public.calendar_claims where booking_id = $1",
    [booking],
  );

describe("an expired hold", () => {
  test("is freed by the next claim on its nights", async () => {
    const id = await publishedListing(database, host);
    const booking = await hold(database, guest, id);
    expect(await refusal(quoted(database, other, id))).toBe("SBC01");

    await stopClock(database, WITHIN_HOLD);
    expect(await refusal(quoted(database, other, id))).toBe("SBC01");
    expect(await bookingStatus(database, booking)).toBe("pending_payment");

    await stopClock(database, AFTER_HOLD);
    const quote = await quoted(database, other, id);
    expect(await bookingStatus(database, booking)).toBe("pending_payment");
    await book(database, other, quote);
    expect(await bookingStatus(database, booking)).toBe("expired");
    expect(await claims(booking)).toEqual([]);
  });

  test("is freed by a host who blocks its nights", async () => {
    const id = await publishedListing(database, host);
    const booking = await hold(database, guest, id);
    const block = () =>
      asVisitor(database, host, "select app_public.block_nights($1, '2031-06-01', '2031-06-30')", [
        id,
      ]);
    expect(await refusal(block())).toBe("SBC01");
    await stopClock(database, AFTER_HOLD);
    await block();
    expect(await bookingStatus(database, booking)).toBe("expired");
  });

  test("stays where another stay does not touch its nights", async () => {
    const id = await publishedListing(database, host);
    const booking = await hold(database, guest, id);
    await stopClock(database, AFTER_HOLD);
    await hold(database, other, id, ["2031-06-20", "2031-06-22"]);
    expect(await bookingStatus(database, booking)).toBe("pending_payment");
    await expireHolds();
  });

  test("is freed by the job, once, with an event that says so", async () => {
    const id = await publishedListing(database, host);
    const booking = await hold(database, guest, id);
    await stopClock(database, WITHIN_HOLD);
    expect(await expireHolds()).toBe(0);
    await stopClock(database, AFTER_HOLD);
    expect(await expireHolds()).toBe(1);
    expect(await expireHolds()).toBe(0);
    expect(await bookingStatus(database, booking)).toBe("expired");
    const events = await asOwner(
      database,
      `select sequence, from_status::text, to_status::text, actor::text, actor_id
       from app_public.booking_events where booking_id = $1 order by sequence`,
      [booking],
    );
    expect(events).toEqual([
      {
        sequence: 1,
        from_status: null,
        to_status: "pending_payment",
        actor: "guest",
        actor_id: guest,
      },
      {
        sequence: 2,
        from_status: "pending_payment",
        to_status: "expired",
        actor: "system",
        actor_id: null,
      },
    ]);
  });

  test("cannot be paid any more", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    const begin = () =>
      asServer(database, "select app_private.begin_payment($1)", [booking], guest);
    await stopClock(database, AFTER_HOLD);
    expect(await refusal(begin())).toBe("SBB07");
    await expireHolds();
    expect(await refusal(begin())).toBe("SBB07");
  });

  test("does not end before its time, psql included", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    for (const [statement, code] of [
      ["delete from app_public.calendar_claims where booking_id = $1", "SBB09"],
      [
        `update app_public.bookings set status = 'expired', status_actor = 'system' where id = $1`,
        "SBB08",
      ],
    ] as const) {
      expect(await refusal(asOwner(database, statement, [booking]))).toBe(code);
    }
    expect(await claims(booking)).toEqual([{ kind: "hold" }]);
  });
});

describe("while its payment is processing", () => {
  test("a hold is freed by nobody, and again when the bank says no", async () => {
    const id = await publishedListing(database, host);
    const booking = await hold(database, guest, id);
    const payment = await begunPayment(database, guest, booking);
    await follow(database, payment, "processing");
    await stopClock(database, "2031-06-03T11:00:00Z");
    expect(await expireHolds()).toBe(0);
    expect(await refusal(quoted(database, other, id))).toBe("SBC01");
    const give = asVisitor(database, guest, "select app_public.cancel_hold($1)", [booking]);
    expect(await refusal(give)).toBe("SBB08");
    expect(await bookingStatus(database, booking)).toBe("pending_payment");

    await follow(database, payment, "requires_payment_method", { failure: "card_declined" });
    expect(await expireHolds()).toBe(1);
    expect(await bookingStatus(database, booking)).toBe("expired");
  });

  test("a hold becomes a sold stay however late the bank says yes", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    const payment = await begunPayment(database, guest, booking);
    await follow(database, payment, "processing");
    await stopClock(database, "2031-06-05T11:00:00Z");
    expect(await follow(database, payment, "succeeded")).toBe("confirmed");
    expect(await claims(booking)).toEqual([{ kind: "booking" }]);
  });
});

describe("giving a hold up", () => {
  const give = (who: string | null, booking: string | null) =>
    asVisitor(database, who, "select (app_public.cancel_hold($1)).status::text as status", [
      booking,
    ]);

  test("frees the nights at once", async () => {
    const id = await publishedListing(database, host);
    const booking = await hold(database, guest, id);
    expect(await give(guest, booking)).toEqual([{ status: "cancelled" }]);
    expect(await claims(booking)).toEqual([]);
    await expect(quoted(database, other, id)).resolves.toBeDefined();
    expect(await refusal(give(guest, booking))).toBe("SBB08");
  });

  test("is for its guest; to others the booking is not there", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    expect(await refusal(give(other, booking))).toBe("SBB01");
    expect(await refusal(give(host, booking))).toBe("SBG02");
    expect(await refusal(give(null, booking))).toBe("SBG01");
    expect(await refusal(give(null, null))).toBe("SBG01");
    expect(await refusal(give(guest, null))).toBe("SBB01");
    expect(await bookingStatus(database, booking)).toBe("pending_payment");
  });

  test("is not cancelling what was paid", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    await follow(database, await begunPayment(database, guest, booking), "succeeded");
    expect(await refusal(give(guest, booking))).toBe("SBB08");
  });

  test("takes the intent back at Stripe", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    const payment = await begunPayment(database, guest, booking);
    await give(guest, booking);
    const jobs = await asOwner(
      database,
      "select task_identifier as task from graphile_worker.jobs where key = $1",
      [`payment__cancel_intent:${payment.id}`],
    );
    expect(text(jobs, "task")).toBe("payment__cancel_intent");
  });
});
