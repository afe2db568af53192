/** Booking a quote: once, as it stands, by whom it was offered to, however often and from wherever it is asked. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  become,
  book,
  hold,
  NOON,
  paidBooking,
  processOf,
  publishedListing,
  quoted,
  refusal,
  STAY,
  somebody,
  stopClock,
  untilBlocked,
  withRival,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;
let other: string;

beforeAll(async () => {
  host = await somebody(database, "Hanna");
});

// New guests each time, who have booked nothing yet.
beforeEach(async () => {
  await stopClock(database, NOON);
  guest = await somebody(database, "Gero");
  other = await somebody(database, "Otto");
});

const CREATE = "select id from app_public.create_booking($1, $2)";

const create = (who: string | null, quote: unknown, key: unknown) =>
  asVisitor(database, who, CREATE, [quote, key]);

const bookingsOf = (listing: string) =>
  asOwner(database, "select id from app_public.bookings where listing_id = $1", [listing]);

const setQuota = (kind: string, most: number): Promise<unknown> =>
  asOwner(database, "update app_private.quotas set most = $2 where kind::text = $1", [kind, most]);

afterEach(() =>
  asOwner(
    database,
    "update app_private.quotas set most = 1000000 where kind in ('holds', 'hourly_holds')",
  ),
);

describe("a booking", () => {
  test("holds the nights for 15 minutes at the quote's price", async () => {
    const listing = await publishedListing(database, host);
    const booking = await hold(database, guest, listing);
    const found = await asOwner(
      database,
      `select b.status::text, b.total_amount::text as total, b.cancellation_policy::text as policy,
         b.time_zone, b.hold_expires_at - app_hidden.clock() = interval '15 minutes' as quarter,
         c.kind::text, c.nights::text, c.expires_at = b.hold_expires_at as same, b.host_id
       from app_public.bookings b join app_public.calendar_claims c on c.booking_id = b.id
       where b.id = $1`,
      [booking],
    );
    expect(found).toEqual([
      {
        status: "pending_payment",
        total: "44800",
        policy: "moderate",
        time_zone: "Europe/Lisbon",
        quarter: true,
        kind: "hold",
        nights: "[2031-06-10,2031-06-14)",
        same: true,
        host_id: host,
      },
    ]);
  });

  test("is sold under the policy of its quote, whatever the host chooses meanwhile", async () => {
    const listing = await publishedListing(database, host);
    const quote = await quoted(database, guest, listing);
    await asVisitor(
      database,
      host,
      "update app_public.listings set cancellation_policy = 'non_refundable' where id = $1",
      [listing],
    );
    const [booking] = await create(guest, quote, "policy-of-the-quote");
    const policy =
      "select cancellation_policy::text as policy from app_public.bookings where id = $1";
    expect(await asOwner(database, policy, [booking?.id])).toEqual([{ policy: "moderate" }]);
  });

  test("is of no more people than the listing takes by now; all else of the offer stands", async () => {
    const listing = await publishedListing(database, host, { maxGuests: 4 });
    const quote = await quoted(database, guest, listing, undefined, 4);
    const set = (rule: string): Promise<unknown> =>
      asVisitor(database, host, `update app_public.listings set ${rule} where id = $1`, [listing]);
    await set("max_guests = 2");
    expect(await refusal(create(guest, quote, "four of them"))).toBe("SBC05");
    await set("max_guests = 4, min_nights = 7, advance_notice_hours = 336");
    expect(await create(guest, quote, "four of them")).toHaveLength(1);
  });

  test("is not of a stay that has begun since it was quoted", async () => {
    await stopClock(database, "2031-06-02T22:50:00Z");
    const listing = await publishedListing(database, host);
    const quote = await quoted(database, guest, listing, ["2031-06-02", "2031-06-03"]);
    await stopClock(database, "2031-06-02T23:10:00Z");
    expect(await refusal(create(guest, quote, "after-midnight"))).toBe("SBC03");
  });

  test("is the third hold of one guest at most (TOO_MANY_HOLDS)", async () => {
    await setQuota("holds", 3);
    const listing = await publishedListing(database, host, { units: 60 });
    let last: string | undefined;
    for (let count = 0; count < 3; count += 1) last = await hold(database, guest, listing);
    const quote = await quoted(database, guest, listing);
    expect(await refusal(create(guest, quote, "one-too-many"))).toBe("SBB10");
    await asVisitor(database, guest, "select app_public.cancel_hold($1)", [last]);
    expect(await create(guest, quote, "one-too-many")).toHaveLength(1);
    // Those that are over do not count, also before anybody sweeps them.
    await stopClock(database, "2031-06-02T11:15:00Z");
    await hold(database, guest, listing);
    await asOwner(database, "update app_private.quotas set most = 0 where kind = 'holds'");
    expect(await refusal(hold(database, guest, listing))).toBe("SBB10");
  });

  test("is one of so many within an hour, given up or not; those that were paid are none", async () => {
    await setQuota("hourly_holds", 4);
    const listing = await publishedListing(database, host, { units: 60 });
    const busy = await somebody(database, "Bea");
    await paidBooking(database, busy, listing);
    for (let count = 0; count < 4; count += 1) {
      await stopClock(database, `2031-06-02T11:0${count}:00Z`);
      const held = await hold(database, busy, listing);
      await asVisitor(database, busy, "select app_public.cancel_hold($1)", [held]);
    }
    await stopClock(database, "2031-06-02T11:30:00Z");
    await expect(hold(database, busy, listing)).rejects.toThrow("try again in 1800 seconds");
    expect(await refusal(hold(database, busy, listing))).toBe("SBB10");
    await stopClock(database, "2031-06-02T12:00:00Z");
    await hold(database, busy, listing);
    expect(await refusal(hold(database, busy, listing))).toBe("SBB10");
  });

  test("is counted exactly when a guest asks for several at once", async () => {
    await setQuota("holds", 3);
    const listing = await publishedListing(database, host, { units: 60 });
    for (let count = 0; count < 2; count += 1) await hold(database, guest, listing);
    const [quote, another] = [
      await quoted(database, guest, listing),
      await quoted(database, guest, listing),
    ];
    const slowerOne = await withRival(database, async (first, second) => {
      await become(database, first, guest);
      await become(database, second, guest);
      const secondProcess = await processOf(second);
      await first.query(CREATE, [quote, "the third"]);
      const slower = refusal(second.query(CREATE, [another, "the fourth"]));
      // Without the guest's lock it has counted 2 by now; it would take the next unit.
      await untilBlocked(database, secondProcess);
      await first.query("commit");
      return slower;
    });
    expect(slowerOne).toBe("SBB10");
  });

  test("is of a quote that is one's own, there, and fresh", async () => {
    const listing = await publishedListing(database, host);
    const quote = await quoted(database, guest, listing);
    const key = "a key of its own";
    expect(await refusal(create(null, quote, key))).toBe("SBG01");
    expect(await refusal(create(other, quote, key))).toBe("SBP01");
    expect(await refusal(create(host, quote, key))).toBe("SBP01");
    expect(await refusal(create(guest, listing, key))).toBe("SBP01");
    expect(await refusal(create(guest, null, key))).toBe("SBP01");
    expect(await refusal(create(guest, "not a uuid", key))).toBe("22P02");
    await stopClock(database, "2031-06-02T11:30:00Z");
    expect(await refusal(create(guest, quote, key))).toBe("SBP02");
    expect(await bookingsOf(listing)).toEqual([]);
    await stopClock(database, "2031-06-02T11:29:59Z");
    await expect(create(guest, quote, key)).resolves.toHaveLength(1);
  });

  test("wants a key of 8 to 200 characters", async () => {
    const quote = await quoted(database, guest, await publishedListing(database, host));
    for (const key of [null, "", "1234567", "x".repeat(201), "x".repeat(10_000_000)]) {
      expect(await refusal(create(guest, quote, key))).toBe("SBB02");
    }
    await expect(create(guest, quote, "ü".repeat(200))).resolves.toHaveLength(1);
  });

  test("is not made at a listing that was paused", async () => {
    const paused = await publishedListing(database, host);
    const quote = await quoted(database, guest, paused);
    await asVisitor(database, host, "select app_public.pause_listing($1)", [paused]);
    expect(await refusal(create(guest, quote, "paused listing"))).toBe("SBL01");
  });

  test("of taken nights is refused, and writes nothing", async () => {
    const listing = await publishedListing(database, host);
    const [first, second] = [
      await quoted(database, guest, listing),
      await quoted(database, other, listing),
    ];
    await book(database, guest, first);
    expect(await refusal(create(other, second, "the second"))).toBe("SBC01");
    expect(await bookingsOf(listing)).toHaveLength(1);
  });

  test("is seen by its guest, its host and the operator alone, with its history", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    for (const part of [
      "select id from app_public.bookings where id = $1",
      "select booking_id as id from app_public.booking_events where booking_id = $1",
    ]) {
      const there = [{ id: booking }];
      expect(await asVisitor(database, guest, part, [booking])).toEqual(there);
      expect(await asVisitor(database, host, part, [booking])).toEqual(there);
      expect(await asVisitor(database, other, part, [booking])).toEqual([]);
      expect(await asVisitor(database, null, part, [booking])).toEqual([]);
      const seen = await database.withOperator(other, async (client) => {
        const { rows } = await client.query(part, [booking]);
        return rows;
      });
      expect(seen).toEqual(there);
      expect(await asOwner(database, part, [booking])).toEqual(there);
    }
    for (const statement of [
      "update app_public.bookings set status = 'confirmed' where id = $1",
      "delete from app_public.bookings where id = $1",
    ]) {
      expect(await refusal(asVisitor(database, guest, statement, [booking]))).toBe("42501");
    }
  });
});

describe("a quote is booked once", () => {
  test("a repeated key gives the same booking, also when the quote is too old by now", async () => {
    const quote = await quoted(database, guest, await publishedListing(database, host));
    const first = await create(guest, quote, "the same key");
    expect(await create(guest, quote, "the same key")).toEqual(first);
    await stopClock(database, "2031-06-02T12:30:00Z");
    expect(await create(guest, quote, "the same key")).toEqual(first);
  });

  test("another key finds it used, with one unit and with two", async () => {
    for (const units of [1, 2]) {
      const quote = await quoted(
        database,
        guest,
        await publishedListing(database, host, { units }),
      );
      await create(guest, quote, `${quote} 1`);
      expect(await refusal(create(guest, quote, `${quote} 2`))).toBe("SBP03");
    }
  });

  test("a key is for one quote, and each guest has keys of their own", async () => {
    const listing = await publishedListing(database, host, { units: 3 });
    const [mine, next] = [
      await quoted(database, guest, listing),
      await quoted(database, guest, listing),
    ];
    const theirs = await quoted(database, other, listing);
    await create(guest, mine, "a shared word");
    expect(await refusal(create(guest, next, "a shared word"))).toBe("SBB03");
    await expect(create(other, theirs, "a shared word")).resolves.toHaveLength(1);
  });

  for (const units of [1, 2]) {
    test(`two connections with one key get one booking, of ${units} unit(s)`, async () => {
      const listing = await publishedListing(database, host, { units });
      const quote = await quoted(database, guest, listing);
      const key = `at once ${units}`;
      await withRival(database, async (first, second) => {
        await become(database, first, guest);
        await become(database, second, guest);
        const pid = await processOf(second);
        const winner = await first.query(CREATE, [quote, key]);
        const late = second.query(CREATE, [quote, key]);
        await untilBlocked(database, pid);
        await first.query("commit");
        expect((await late).rows).toEqual(winner.rows);
        await second.query("commit");
      });
      expect(await bookingsOf(listing)).toHaveLength(1);
      const claims = "select from app_public.calendar_claims where listing_id = $1";
      expect(await asOwner(database, claims, [listing])).toHaveLength(1);
    });
  }

  test("a listing that is closed while a booking waits for its nights is not booked", async () => {
    const listing = await publishedListing(database, host);
    const quote = await quoted(database, guest, listing);
    const closing = await database.owner.connect();
    try {
      await withRival(database, async (booking) => {
        await become(database, booking, guest);
        const pid = await processOf(booking);
        await closing.query("begin");
        await closing.query(
          "select from app_hidden.listing_availability where listing_id = $1 for update",
          [listing],
        );
        await closing.query("update app_public.listings set status = 'paused' where id = $1", [
          listing,
        ]);
        const late = refusal(booking.query(CREATE, [quote, "closed meanwhile"]));
        await untilBlocked(database, pid);
        await closing.query("commit");
        expect(await late).toBe("SBL01");
      });
    } finally {
      closing.release();
    }
    expect(await bookingsOf(listing)).toEqual([]);
  });

  test("two connections with two keys: one books, the other is told", async () => {
    const listing = await publishedListing(database, host, { units: 2 });
    const quote = await quoted(database, guest, listing);
    await withRival(database, async (first, second) => {
      await become(database, first, guest);
      await become(database, second, guest);
      const pid = await processOf(second);
      await first.query(CREATE, [quote, "first of two"]);
      const late = refusal(second.query(CREATE, [quote, "second of two"]));
      await untilBlocked(database, pid);
      await first.query("commit");
      expect(await late).toBe("SBP03");
    });
    expect(await bookingsOf(listing)).toHaveLength(1);
  });
});

describe("several units", () => {
  test("are sold one after the other, and no more than there are", async () => {
    const listing = await publishedListing(database, host, { units: 3 });
    const quotes = [];
    for (let number = 0; number < 4; number += 1)
      quotes.push(await quoted(database, guest, listing));
    for (const quote of quotes.slice(0, 3)) await book(database, guest, quote);
    expect(await refusal(book(database, guest, quotes[3] ?? ""))).toBe("SBC01");
    const found = await asOwner(
      database,
      "select unit_number from app_public.bookings where listing_id = $1 order by unit_number",
      [listing],
    );
    expect(found).toEqual([{ unit_number: 1 }, { unit_number: 2 }, { unit_number: 3 }]);
  });

  test("pack: a stay goes to the first unit that is free", async () => {
    const listing = await publishedListing(database, host, { units: 2 });
    const unitOf = async (booking: string) =>
      (
        await asOwner(database, "select unit_number from app_public.bookings where id = $1", [
          booking,
        ])
      )[0]?.unit_number;
    expect(await unitOf(await paidBooking(database, guest, listing))).toBe(1);
    expect(await unitOf(await paidBooking(database, other, listing, STAY))).toBe(2);
    const next = await paidBooking(database, guest, listing, ["2031-06-14", "2031-06-16"]);
    expect(await unitOf(next)).toBe(1);
  });

  test("two guests at one unit: the second waits, then is refused; at two, both get one", async () => {
    for (const units of [1, 2]) {
      const listing = await publishedListing(database, host, { units });
      const [mine, theirs] = [
        await quoted(database, guest, listing),
        await quoted(database, other, listing),
      ];
      await withRival(database, async (first, second) => {
        await become(database, first, guest);
        await become(database, second, other);
        const pid = await processOf(second);
        await first.query(CREATE, [mine, `guest one ${units}`]);
        const late = refusal(second.query(CREATE, [theirs, `guest two ${units}`]));
        await untilBlocked(database, pid);
        await first.query("commit");
        expect(await late).toBe(units === 1 ? "SBC01" : "it was not refused");
        await second.query("commit");
      });
      expect(await bookingsOf(listing)).toHaveLength(units);
    }
  });
});
