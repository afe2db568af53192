/** Reviews: by who stayed, after check-out, once; the listing's average follows. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  become,
  hold,
  NOON,
  paidBooking,
  processOf,
  publishedListing,
  refusal,
  somebody,
  stopClock,
  untilBlocked,
  withRival,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;
let other: string;
let listing: string;
let booking: string;

/** The first instant of the day of check-out, in Lisbon. */
const CHECK_OUT = "2031-06-13T23:00:00Z";

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  other = await somebody(database, "Otto");
});

beforeEach(async () => {
  await stopClock(database, NOON);
  listing = await publishedListing(database, host, { units: 2 });
  booking = await paidBooking(database, guest, listing);
});

const SUBMIT = "select id, rating from app_public.submit_review($1, $2, $3)";

const submit = (who: string | null, of: unknown, rating: unknown, comment: unknown = "Lovely.") =>
  asVisitor(database, who, SUBMIT, [of, rating, comment]);

const average = async () =>
  (
    await asVisitor(
      database,
      null,
      `select review_count as count, app_public.listings_average_rating(l)::text as average
       from app_public.listings l where id = $1`,
      [listing],
    )
  )[0];

describe("a review", () => {
  test("is written from the local day of check-out on", async () => {
    await stopClock(database, "2031-06-13T22:59:59Z");
    expect(await refusal(submit(guest, booking, 5))).toBe("SBR01");
    await stopClock(database, CHECK_OUT);
    expect(await submit(guest, booking, 5)).toMatchObject([{ rating: 5 }]);
  });

  test("is of a stay that was sold", async () => {
    const unpaid = await hold(database, guest, listing);
    await stopClock(database, CHECK_OUT);
    expect(await refusal(submit(guest, unpaid, 5))).toBe("SBR01");
  });

  test("is by its guest; for others there is no such booking", async () => {
    await stopClock(database, CHECK_OUT);
    expect(await refusal(submit(null, booking, 5))).toBe("SBG01");
    expect(await refusal(submit(host, booking, 5))).toBe("SBG02");
    expect(await refusal(submit(other, booking, 5))).toBe("SBB01");
    expect(await refusal(submit(guest, null, 5))).toBe("SBB01");
  });

  test("is written once, also by two tabs at the same time", async () => {
    await stopClock(database, CHECK_OUT);
    await withRival(database, async (first, second) => {
      await become(database, first, guest);
      await become(database, second, guest);
      const pid = await processOf(second);
      await first.query(SUBMIT, [booking, 5, "First."]);
      const late = refusal(second.query(SUBMIT, [booking, 1, "Second."]));
      await untilBlocked(database, pid);
      await first.query("commit");
      expect(await late).toBe("SBR02");
    });
    expect(await refusal(submit(guest, booking, 5))).toBe("SBR02");
    expect(await average()).toEqual({ count: 1, average: "5.00" });
  });

  test("rates from 1 to 5 and says something", async () => {
    await stopClock(database, CHECK_OUT);
    for (const rating of [0, 6, -1, 2_147_483_647, null]) {
      expect(await refusal(submit(guest, booking, rating))).toBe("SBR03");
    }
    for (const comment of [null, "", "   ", "x".repeat(5001)]) {
      expect(await refusal(submit(guest, booking, 5, comment))).toBe("23514");
    }
    for (const [category, code] of [
      [6, "23514"],
      [0, "23514"],
      [100_000, "22003"],
    ] as const) {
      const attempt = asVisitor(
        database,
        guest,
        "select app_public.submit_review($1, 5, 'Lovely.', value_rating => $2)",
        [booking, category],
      );
      expect(await refusal(attempt)).toBe(code);
    }
    expect(await average()).toEqual({ count: 0, average: null });
  });

  test("moves the listing's average and count, two at once included", async () => {
    const second = await paidBooking(database, other, listing);
    await stopClock(database, CHECK_OUT);
    await withRival(database, async (ours, theirs) => {
      await become(database, ours, guest);
      await become(database, theirs, other);
      const pid = await processOf(theirs);
      await ours.query(SUBMIT, [booking, 5, "First."]);
      const late = theirs.query(SUBMIT, [second, 4, "Second."]);
      await untilBlocked(database, pid);
      await ours.query("commit");
      await late;
      await theirs.query("commit");
    });
    expect(await average()).toEqual({ count: 2, average: "4.50" });
  });

  test("stays as it was said", async () => {
    await stopClock(database, CHECK_OUT);
    const [review] = await submit(guest, booking, 2);
    for (const statement of [
      "update app_public.reviews set rating = 5 where id = $1",
      "delete from app_public.reviews where id = $1",
    ]) {
      expect(await refusal(asVisitor(database, guest, statement, [review?.id]))).toBe("42501");
      expect(await refusal(asVisitor(database, host, statement, [review?.id]))).toBe("42501");
    }
  });

  test("is read by everybody when published, and by its author alone before", async () => {
    await stopClock(database, CHECK_OUT);
    const [review] = await submit(guest, booking, 5);
    await asOwner(
      database,
      `insert into app_public.reviews
         (booking_id, listing_id, direction, author_id, subject_id, rating, comment)
       values ($1, $2, 'host_to_guest', $3, $4, 3, 'Left early.')`,
      [booking, listing, host, guest],
    );
    const READ = `select direction::text as direction from app_public.reviews
      where booking_id = $1 order by direction`;
    const open = { direction: "guest_to_host" };
    const blind = { direction: "host_to_guest" };
    expect(await asVisitor(database, null, READ, [booking])).toEqual([open]);
    expect(await asVisitor(database, guest, READ, [booking])).toEqual([open]);
    expect(await asVisitor(database, host, READ, [booking])).toEqual([open, blind]);
    expect(await asOwner(database, READ, [booking])).toEqual([open, blind]);
    // Only what guests say of the stay counts for the listing.
    expect(await average()).toEqual({ count: 1, average: "5.00" });
    expect(review).toBeDefined();
  });
});
