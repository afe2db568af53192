/** The booking process as data: what its table allows happens, all else does not, whoever asks. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { copyRow } from "../../helpers/copies.ts";
import { openTestDatabase, testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  bookingStatus,
  hold,
  NOON,
  ownerTransaction,
  paidBooking,
  publishedListing,
  refusal,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;

const STATUSES = [
  "pending_payment",
  "requested",
  "accepted",
  "confirmed",
  "completed",
  "expired",
  "declined",
  "cancelled",
] as const;
const ACTORS = ["guest", "host", "operator", "system"] as const;

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
});

beforeEach(() => stopClock(database, NOON));

const move = (booking: string, status: string, actor: string) =>
  asOwner(database, "update app_public.bookings set status = $2, status_actor = $3 where id = $1", [
    booking,
    status,
    actor,
  ]);

/** The table of domain.md: `from to actor`, for a stay that is to come. */
const ALLOWED = [
  "pending_payment confirmed system",
  "pending_payment requested system",
  "pending_payment cancelled guest",
  "pending_payment cancelled operator",
  "pending_payment cancelled system",
  "requested accepted host",
  "requested declined host",
  "requested expired system",
  "requested cancelled guest",
  "requested cancelled operator",
  "requested cancelled system",
  "accepted confirmed system",
  "accepted expired system",
  "accepted cancelled system",
  "expired confirmed system",
  "confirmed cancelled guest",
  "confirmed cancelled host",
  "confirmed cancelled operator",
].sort();

/** Every change of status that gets past the trigger at an instant; nothing of it is kept. */
async function allowedAt(instant: string): Promise<string[]> {
  await stopClock(database, NOON);
  const booking = await hold(database, guest, await publishedListing(database, host));
  await stopClock(database, instant);
  const changes = STATUSES.flatMap((from) =>
    STATUSES.flatMap((to) => ACTORS.map((actor) => [from, to, actor] as const)),
  );
  return database.scenario(async ({ client, asOwner: attempt }) => {
    const toggle = (verb: string) =>
      client.query(`alter table app_public.bookings ${verb} trigger _200_check_transition`);
    // What is due at commit is another matter, and a table with something due cannot be altered.
    await client.query("drop trigger _900_claim_matches on app_public.bookings");
    await client.query(
      "update app_public.bookings set answer_due_at = created_at + interval '1 day' where id = $1",
      [booking],
    );
    const found: string[] = [];
    for (const [from, to, actor] of changes) {
      await toggle("disable");
      await client.query("update app_public.bookings set status = $2 where id = $1", [
        booking,
        from,
      ]);
      await toggle("enable");
      const code = await refusal(
        attempt(() =>
          client.query(
            "update app_public.bookings set status = $2, status_actor = $3 where id = $1",
            [booking, to, actor],
          ),
        ),
      );
      if (code === "it was not refused") found.push(`${from} ${to} ${actor}`);
      else expect(code).toBe("SBB08");
    }
    return found.sort();
  });
}

describe("of all changes of status", () => {
  test("those of the table happen before the stay, and no others", async () => {
    expect(await allowedAt(NOON)).toEqual(ALLOWED);
  });

  test("a hold expires once its time is over", async () => {
    const expected = [...ALLOWED, "pending_payment expired system"].sort();
    expect(await allowedAt("2031-06-02T11:15:00Z")).toEqual(expected);
  });

  test("after check-out a stay is completed, and cancelled by the operator alone", async () => {
    const late = [
      "requested accepted host",
      "requested declined host",
      "expired confirmed system",
      "confirmed cancelled guest",
      "confirmed cancelled host",
    ];
    const expected = [
      ...ALLOWED.filter((change) => !late.includes(change)),
      "pending_payment expired system",
      "confirmed completed system",
    ].sort();
    expect(await allowedAt("2031-06-14T11:00:00Z")).toEqual(expected);
  });
});

describe("a status", () => {
  test("is not set to anything else by psql, nor to itself", async () => {
    const listing = await publishedListing(database, host);
    const booking = await paidBooking(database, guest, listing);
    for (const [status, actor] of [
      ["pending_payment", "system"],
      ["confirmed", "system"],
      ["completed", "system"],
      ["cancelled", "system"],
      ["expired", "system"],
      ["declined", "host"],
    ] as const) {
      expect(await refusal(move(booking, status, actor))).toBe("SBB08");
    }
    expect(await bookingStatus(database, booking)).toBe("confirmed");
  });

  test("begins as pending_payment", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    const attempt = ownerTransaction(database, async (client) => {
      const changes = "'id', uuidv7(), 'status', 'confirmed'";
      await copyRow(client, "app_public.bookings", `id = '${booking}'`, 1, changes);
    });
    expect(await refusal(attempt)).toBe("SBB08");
  });

  test("has a history that nobody rewrites", async () => {
    const booking = await paidBooking(database, guest, await publishedListing(database, host));
    const events = await asOwner(
      database,
      `select sequence, to_status::text as to_status from app_public.booking_events
       where booking_id = $1 order by sequence`,
      [booking],
    );
    expect(events).toEqual([
      { sequence: 1, to_status: "pending_payment" },
      { sequence: 2, to_status: "confirmed" },
    ]);
    for (const statement of [
      "update app_public.booking_events set reason = 'x'",
      "delete from app_public.booking_events",
      "truncate app_public.booking_events",
    ]) {
      expect(await refusal(asOwner(database, statement))).toBe("SBG05");
    }
  });
});

describe("a booking and its claim (N2)", () => {
  const CLAIM = "app_public.calendar_claims where booking_id = $1";

  test("go together at commit, psql included", async () => {
    const listing = await publishedListing(database, host);
    const booking = await paidBooking(database, guest, listing);
    const pending = await hold(database, guest, listing, ["2031-06-20", "2031-06-22"]);
    const change = (changes: string, id: string) =>
      asOwner(database, `update app_public.calendar_claims set ${changes} where booking_id = $1`, [
        id,
      ]);
    expect(await refusal(asOwner(database, `delete from ${CLAIM}`, [booking]))).toBe("SBB09");
    for (const changes of [
      "kind = 'hold'",
      // The claim is let go of, and its booking left without nights.
      "kind = 'block', booking_id = null",
      "nights = '[2031-06-10,2031-06-13)'",
    ]) {
      expect(await refusal(change(changes, booking))).toBe("SBB09");
    }
    expect(await refusal(change("kind = 'booking', expires_at = null", pending))).toBe("SBB09");
    const nobody = `insert into app_public.calendar_claims
        (listing_id, unit_number, nights, kind, booking_id)
      values ($1, 1, '[2031-08-01,2031-08-02)', 'booking', uuidv7())`;
    expect(await refusal(asOwner(database, nobody, [listing]))).toBe("23503");
    const twice = `insert into app_public.calendar_claims
        (listing_id, unit_number, nights, kind, booking_id)
      values ($1, 1, '[2031-08-01,2031-08-02)', 'booking', $2)`;
    expect(await refusal(asOwner(database, twice, [listing, booking]))).toBe("23505");
  });

  test("the nights follow the booking, psql included", async () => {
    const kinds = async (id: string) =>
      (await asOwner(database, `select kind::text from ${CLAIM}`, [id])).map((claim) => claim.kind);
    const booking = await hold(database, guest, await publishedListing(database, host));
    expect(await kinds(booking)).toEqual(["hold"]);
    await move(booking, "confirmed", "system");
    expect(await kinds(booking)).toEqual(["booking"]);
    await move(booking, "cancelled", "host");
    expect(await kinds(booking)).toEqual([]);
    const drift = await asOwner(database, "select from app_private.calendar_drift()");
    expect(drift).toEqual([]);
  });

  test("part without the guard (negative control)", async () => {
    const bare = await openTestDatabase();
    try {
      await stopClock(bare, NOON);
      const [seller, buyer] = [await somebody(bare), await somebody(bare)];
      const booking = await paidBooking(bare, buyer, await publishedListing(bare, seller));
      const remove = () => refusal(asOwner(bare, `delete from ${CLAIM}`, [booking]));
      expect(await remove()).toBe("SBB09");
      await asOwner(bare, "drop trigger _900_claim_matches on app_public.calendar_claims");
      expect(await remove()).toBe("it was not refused");
    } finally {
      await bare.dispose();
    }
  });
});

describe("completing", () => {
  test("happens on the local day of check-out, once", async () => {
    const complete = async () =>
      (await asServer(database, "select app_private.complete_stays() as done"))[0]?.done;
    await stopClock(database, "2031-07-30T11:00:00Z");
    await complete();
    await stopClock(database, NOON);
    const auckland = await paidBooking(
      database,
      guest,
      await publishedListing(database, host, { timeZone: "Pacific/Auckland" }),
    );
    const losAngeles = await paidBooking(
      database,
      guest,
      await publishedListing(database, host, { timeZone: "America/Los_Angeles" }),
    );
    await stopClock(database, "2031-06-13T11:59:59Z");
    expect(await complete()).toBe(0);
    // Midnight in Auckland is noon UTC, midnight in Los Angeles 07:00 UTC.
    await stopClock(database, "2031-06-13T12:00:00Z");
    expect(await complete()).toBe(1);
    expect(await bookingStatus(database, auckland)).toBe("completed");
    await stopClock(database, "2031-06-14T06:59:59Z");
    expect(await complete()).toBe(0);
    await stopClock(database, "2031-06-14T07:00:00Z");
    expect(await complete()).toBe(1);
    expect(await bookingStatus(database, losAngeles)).toBe("completed");
    expect(await complete()).toBe(0);
  });
});
