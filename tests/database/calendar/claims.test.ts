/** Nights are taken in one place: no night of a unit twice (N1), by nobody, with and without the guard. */
import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { openTestDatabase, type TestDatabase, testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  become,
  hold,
  NOON,
  paidBooking,
  processOf,
  publishedListing,
  quoted,
  refusal,
  type Stay,
  somebody,
  stopClock,
  text,
  untilBlocked,
  withRival,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
});

afterEach(async () => {
  expect(await asServer(database, "select * from app_private.calendar_drift()")).toEqual([]);
});

const INSERT = `insert into app_public.calendar_claims (listing_id, unit_number, nights, kind)
  values ($1, $2, daterange($3, $4), 'block')`;

const claim = (on: TestDatabase, id: string, stay: Stay, unit = 1) =>
  asOwner(on, INSERT, [id, unit, ...stay]);

const block = (id: string, stay: Stay, unit: number | null = null, note: string | null = "") =>
  asVisitor(
    database,
    host,
    `select id, unit_number, lower(nights)::text as starts, upper(nights)::text as ends, note
     from app_public.block_nights($1, $2, $3, $4, $5)`,
    [id, ...stay, note, unit],
  );

const taken = async (id: string, from: string, to: string) =>
  (
    await asVisitor(
      database,
      null,
      `select app_public.listings_taken_nights(l, $2, $3)::text[] as nights
       from app_public.listings l where id = $1`,
      [id, from, to],
    )
  )[0]?.nights;

describe("a night of a unit", () => {
  test("has one claim, psql included (N1)", async () => {
    const id = await publishedListing(database, host);
    await claim(database, id, ["2031-07-01", "2031-07-05"]);
    for (const stay of [
      ["2031-07-01", "2031-07-05"],
      ["2031-07-04", "2031-07-06"],
      ["2031-06-01", "2031-08-01"],
    ] as const) {
      expect(await refusal(claim(database, id, stay))).toBe("SBC01");
    }
    // The night of a check-out is free again.
    await claim(database, id, ["2031-07-05", "2031-07-06"]);
    const moved = asOwner(
      database,
      `update app_public.calendar_claims set nights = '[2031-07-03,2031-07-06)'
       where listing_id = $1 and lower(nights) = '2031-07-05'`,
      [id],
    );
    expect(await refusal(moved)).toBe("SBC01");
  });

  test("is never endless, empty, or of a unit that is not there", async () => {
    const id = await publishedListing(database, host);
    for (const nights of ["(,2031-07-01)", "[2031-07-01,)", "empty", "[2031-07-01,infinity)"]) {
      const attempt = asOwner(
        database,
        `insert into app_public.calendar_claims (listing_id, unit_number, nights, kind)
         values ($1, 1, $2, 'block')`,
        [id, nights],
      );
      expect(await refusal(attempt)).toBe("23514");
    }
    expect(await refusal(claim(database, id, ["2031-07-01", "2031-07-02"], 2))).toBe("SBC01");
  });

  test("cannot be wiped by a truncate", async () => {
    const attempt = asOwner(database, "truncate app_public.calendar_claims");
    expect(await refusal(attempt)).toBe("SBG05");
  });
});

describe("negative controls of N1", () => {
  const STAYS: readonly Stay[] = [
    ["2031-07-01", "2031-07-05"],
    ["2031-07-04", "2031-07-06"],
  ];
  const DROP_GUARD = "drop trigger _100_guard on app_public.calendar_claims";
  const DROP_CONSTRAINT =
    "alter table app_public.calendar_claims drop constraint calendar_claims_nights_excl";

  /** What becomes of two claims on one night where the given protections are gone. */
  async function twiceWithout(...drops: string[]): Promise<string> {
    const bare = await openTestDatabase();
    try {
      const owner = await somebody(bare);
      const id = await publishedListing(bare, owner);
      for (const drop of drops) await asOwner(bare, drop);
      return await refusal(
        (async () => {
          for (const stay of STAYS) await claim(bare, id, stay);
        })(),
      );
    } finally {
      await bare.dispose();
    }
  }

  test("without the guard the constraint refuses, without the constraint the guard", async () => {
    expect(await twiceWithout(DROP_GUARD)).toBe("23P01");
    expect(await twiceWithout(DROP_CONSTRAINT)).toBe("SBC01");
  });

  test("without both the night is sold twice", async () => {
    expect(await twiceWithout(DROP_GUARD, DROP_CONSTRAINT)).toBe("it was not refused");
  });
});

describe("blocks", () => {
  test("close all units or one, all or nothing, and are lifted again", async () => {
    const id = await publishedListing(database, host, { units: 2 });
    const [one] = await block(id, ["2031-07-02", "2031-07-03"], 2, "Painting");
    expect(one).toMatchObject({
      unit_number: 2,
      starts: "2031-07-02",
      ends: "2031-07-03",
      note: "Painting",
    });
    expect(await taken(id, "2031-07-01", "2031-07-05")).toEqual([]);

    expect(await refusal(block(id, ["2031-07-01", "2031-07-04"]))).toBe("SBC01");
    expect(await block(id, ["2031-07-02", "2031-07-03"], 1, null)).toHaveLength(1);
    expect(await taken(id, "2031-07-01", "2031-07-05")).toEqual(["2031-07-02"]);

    await asVisitor(database, host, "select app_public.unblock_nights($1)", [one?.id]);
    expect(await taken(id, "2031-07-01", "2031-07-05")).toEqual([]);
  });

  test("are for stays' dates and existing units", async () => {
    const id = await publishedListing(database, host, { units: 2 });
    for (const [stay, code] of [
      [["2031-07-02", "2031-07-02"], "SBC02"],
      [["2031-07-03", "2031-07-02"], "SBC02"],
      [["-infinity", "2031-07-02"], "SBC02"],
      [["2031-07-02", "infinity"], "SBC02"],
      [["2031-07-02", "2033-07-02"], "SBC04"],
    ] as const) {
      expect(await refusal(block(id, stay))).toBe(code);
    }
    for (const unit of [0, 3, -1, 2_147_483_647]) {
      expect(await refusal(block(id, ["2031-07-02", "2031-07-03"], unit))).toBe("SBG04");
    }
    expect(await refusal(block(id, ["2031-07-02", "2031-07-03"], 1, "x".repeat(501)))).toBe(
      "23514",
    );
  });

  test("are lifted by their host alone, and nothing but blocks", async () => {
    const id = await publishedListing(database, host);
    const [mine] = await block(id, ["2031-07-02", "2031-07-03"]);
    const lift = (who: string | null, claimId: unknown) =>
      asVisitor(database, who, "select app_public.unblock_nights($1)", [claimId]);
    expect(await refusal(lift(guest, mine?.id))).toBe("SBC07");
    expect(await refusal(lift(null, mine?.id))).toBe("SBG01");
    // Nobody learns from the answer whether a claim is there.
    expect(await refusal(lift(null, id))).toBe("SBG01");
    expect(await refusal(lift(host, null))).toBe("SBC07");

    const booking = await paidBooking(database, guest, id);
    const found = await asOwner(
      database,
      "select id from app_public.calendar_claims where booking_id = $1",
      [booking],
    );
    expect(await refusal(lift(host, found[0]?.id))).toBe("SBC07");
  });

  test("are seen by the host; a guest sees that nights are taken, not why", async () => {
    const id = await publishedListing(database, host);
    await block(id, ["2031-07-02", "2031-07-03"], null, "Away");
    const NOTES = "select note from app_public.calendar_claims where listing_id = $1";
    expect(await asVisitor(database, guest, NOTES, [id])).toEqual([]);
    expect(await asVisitor(database, null, NOTES, [id])).toEqual([]);
    expect(await asVisitor(database, host, NOTES, [id])).toEqual([{ note: "Away" }]);
    expect(await asOwner(database, NOTES, [id])).toEqual([{ note: "Away" }]);
    expect(await taken(id, "2031-07-01", "2031-07-05")).toEqual(["2031-07-02"]);
  });

  test("and bookings of other nights at the same moment do not deadlock", async () => {
    const id = await publishedListing(database, host);
    const quote = await quoted(database, guest, id);
    await withRival(database, async (editing, booking) => {
      await become(database, editing, host);
      await become(database, booking, guest);
      const pid = await processOf(editing);
      // The host has the listing and wants the guard row; the guest has that and refers to the listing.
      await editing.query("select app_public.set_listing_amenities($1, '{wifi}')", [id]);
      const booked = await booking.query(
        "select id from app_public.create_booking($1, 'no-deadlock')",
        [quote],
      );
      expect(booked.rows).toHaveLength(1);
      const blocked = editing.query(
        "select id from app_public.block_nights($1, '2031-07-02', '2031-07-03')",
        [id],
      );
      await untilBlocked(database, pid);
      await booking.query("commit");
      expect((await blocked).rows).toHaveLength(1);
      await editing.query("commit");
    });
  });
});

describe("taken nights", () => {
  test("are those on which no unit is free", async () => {
    const id = await publishedListing(database, host, { units: 2 });
    await hold(database, guest, id);
    expect(await taken(id, "2031-06-01", "2031-07-01")).toEqual([]);
    await hold(database, guest, id, ["2031-06-12", "2031-06-16"]);
    expect(await taken(id, "2031-06-01", "2031-07-01")).toEqual(["2031-06-12", "2031-06-13"]);
  });

  test("are all there at the end of the longest range; a longer one is refused", async () => {
    const id = await publishedListing(database, host);
    await block(id, ["2031-06-03", "2031-06-05"]);
    await block(id, ["2033-08-09", "2033-08-12"]);
    expect(await taken(id, "2031-06-03", "2033-08-11")).toEqual([
      "2031-06-03",
      "2031-06-04",
      "2033-08-09",
      "2033-08-10",
    ]);
    expect(await refusal(taken(id, "2031-06-03", "2033-08-12"))).toBe("SBC04");
  });

  test("leave out a hold from the moment in which it ends", async () => {
    const id = await publishedListing(database, host);
    await hold(database, guest, id);
    await stopClock(database, "2031-06-02T11:14:59Z");
    expect(await taken(id, "2031-06-01", "2031-06-13")).toHaveLength(3);
    await stopClock(database, "2031-06-02T11:15:00Z");
    expect(await taken(id, "2031-06-01", "2031-06-13")).toEqual([]);
    await stopClock(database, NOON);
  });
});

describe("preparation days", () => {
  test("keep a gap after each stay, on both sides of a new one", async () => {
    const id = await publishedListing(database, host, { preparationDays: 2 });
    await hold(database, guest, id);
    const attempt = (stay: Stay) => quoted(database, guest, id, stay);
    expect(await refusal(attempt(["2031-06-15", "2031-06-17"]))).toBe("SBC01");
    expect(await refusal(attempt(["2031-06-07", "2031-06-09"]))).toBe("SBC01");
    await expect(attempt(["2031-06-16", "2031-06-17"])).resolves.toBeDefined();
    await expect(attempt(["2031-06-06", "2031-06-08"])).resolves.toBeDefined();
    const found = await asOwner(
      database,
      "select nights::text as nights from app_public.calendar_claims where listing_id = $1",
      [id],
    );
    expect(text(found, "nights")).toBe("[2031-06-10,2031-06-16)");
  });
});
