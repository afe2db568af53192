/** Whether a stay can be booked: every reason by name, in the listing's own time, and as an error with its code. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asVisitor,
  completeListing,
  draft,
  hold,
  type ListingOptions,
  NOON,
  publishedListing,
  quoted,
  refusal,
  STAY,
  type Stay,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
});

beforeEach(() => stopClock(database, NOON));

const ask = (
  who: string | null,
  id: unknown,
  stay: readonly unknown[] = STAY,
  guests: unknown = 1,
) =>
  asVisitor(database, who, "select code, rule from app_public.bookability($1, $2, $3, $4)", [
    id,
    ...stay,
    guests,
  ]);

/** The reason that bookability gives, and the code with which a quote is refused for it. */
async function both(id: string, stay: Stay, guests = 1): Promise<[unknown, string]> {
  const [reason] = await ask(null, id, stay, guests);
  return [
    reason === undefined ? null : `${reason.code} ${reason.rule}`,
    await refusal(quoted(database, guest, id, stay, guests)),
  ];
}

const FREE = [null, "it was not refused"];
const listing = (options: ListingOptions = {}) => publishedListing(database, host, options);

describe("a stay", () => {
  test("of finite dates in order is one", async () => {
    const id = await listing();
    for (const [stay, code] of [
      [["2031-06-10", "2031-06-10"], "SBC02"],
      [["2031-06-10", "2031-06-09"], "SBC02"],
      [["2031-06-10", null], "SBC02"],
      [[null, "2031-06-10"], "SBC02"],
      [["2031-06-10", "infinity"], "SBC02"],
      [["-infinity", "2031-06-10"], "SBC02"],
      [["infinity", "infinity"], "SBC02"],
      [["-infinity", "infinity"], "SBC02"],
      [["2031-06-10", "2033-06-10"], "SBC04"],
      [["2031-02-30", "2031-03-02"], "22008"],
      [["soon", "later"], "22007"],
    ] as const) {
      expect(await refusal(ask(null, id, stay))).toBe(code);
      const quote = "select app_public.quote($1, $2, $3, 1)";
      expect(await refusal(asVisitor(database, null, quote, [id, ...stay]))).toBe(code);
    }
  });

  test("has guests", async () => {
    const id = await listing();
    for (const guests of [0, -1, null]) {
      expect(await refusal(ask(null, id, STAY, guests))).toBe("SBC06");
    }
  });

  test("is at a listing that the asker may see", async () => {
    const hidden = await completeListing(database, host);
    const ids = [hidden, "00000000-0000-7000-8000-000000000000", null];
    for (const id of ids) expect(await refusal(ask(guest, id))).toBe("SBL01");
    expect(await ask(host, hidden)).toEqual([{ code: "not_published", rule: "draft" }]);
    const unpriced = await draft(database, host);
    expect(await ask(host, unpriced)).toEqual([
      { code: "not_published", rule: "draft" },
      { code: "no_rates", rule: null },
    ]);
  });
});

describe("each rule has a reason and a code", () => {
  test("shortest and longest stay", async () => {
    const id = await listing({ minNights: 3, maxNights: 5 });
    expect(await both(id, ["2031-06-10", "2031-06-12"])).toEqual(["min_nights 3", "SBC08"]);
    expect(await both(id, ["2031-06-10", "2031-06-13"])).toEqual(FREE);
    expect(await both(id, ["2031-06-10", "2031-06-15"])).toEqual(FREE);
    expect(await both(id, ["2031-06-10", "2031-06-16"])).toEqual(["max_nights 5", "SBC04"]);
  });

  test("guests that fit", async () => {
    const id = await listing({ maxGuests: 2 });
    expect(await both(id, STAY, 2)).toEqual(FREE);
    expect(await both(id, STAY, 3)).toEqual(["too_many_guests 2", "SBC05"]);
    expect(await both(id, STAY, 2_147_483_647)).toEqual(["too_many_guests 2", "SBC05"]);
  });

  test("the past, and the farthest day ahead", async () => {
    const id = await listing({ bookingWindowDays: 30 });
    expect(await both(id, ["2031-06-01", "2031-06-03"])).toEqual([
      "in_the_past 2031-06-02",
      "SBC03",
    ]);
    expect(await both(id, ["2031-06-02", "2031-06-03"])).toEqual(FREE);
    expect(await both(id, ["2031-07-02", "2031-07-03"])).toEqual(FREE);
    expect(await both(id, ["2031-07-03", "2031-07-04"])).toEqual(["booking_window 30", "SBC09"]);
  });

  test("the host's notice, to the hour of check-in", async () => {
    // Check-in is from 15:00, now is 12:00 where the listing is.
    const id = await listing({ advanceNoticeHours: 28 });
    expect(await both(id, ["2031-06-03", "2031-06-05"])).toEqual(["advance_notice 28", "SBC10"]);
    expect(await both(id, ["2031-06-04", "2031-06-05"])).toEqual(FREE);
    await stopClock(database, "2031-06-02T10:00:00Z");
    expect(await both(id, ["2031-06-03", "2031-06-05"])).toEqual(FREE);
  });

  test("nights that are taken", async () => {
    const id = await listing();
    await hold(database, guest, id);
    expect(await both(id, ["2031-06-13", "2031-06-15"])).toEqual(["nights_taken null", "SBC01"]);
    expect(await both(id, ["2031-06-14", "2031-06-15"])).toEqual(FREE);
  });

  test("a pause", async () => {
    const id = await listing();
    await asVisitor(database, host, "select app_public.pause_listing($1)", [id]);
    expect(await refusal(quoted(database, guest, id))).toBe("SBL01");
  });

  test("all of them at once", async () => {
    const id = await listing({ minNights: 5, maxGuests: 1, advanceNoticeHours: 48 });
    expect(await ask(null, id, ["2031-06-02", "2031-06-03"], 2)).toEqual([
      { code: "min_nights", rule: "5" },
      { code: "advance_notice", rule: "48" },
      { code: "too_many_guests", rule: "1" },
    ]);
  });
});

test("today is the listing's own today: one instant has two dates", async () => {
  // 02:00 on the 3rd in Auckland, 07:00 on the 2nd in Los Angeles.
  await stopClock(database, "2031-06-02T14:00:00Z");
  const auckland = await listing({
    timeZone: "Pacific/Auckland",
    longitude: 174.76,
    latitude: -36.85,
    bookingWindowDays: 10,
  });
  const losAngeles = await listing({
    timeZone: "America/Los_Angeles",
    longitude: -118.24,
    latitude: 34.05,
    bookingWindowDays: 10,
  });
  expect(await both(auckland, ["2031-06-02", "2031-06-04"])).toEqual([
    "in_the_past 2031-06-03",
    "SBC03",
  ]);
  expect(await both(losAngeles, ["2031-06-02", "2031-06-04"])).toEqual(FREE);
  expect(await both(auckland, ["2031-06-13", "2031-06-14"])).toEqual(FREE);
  expect(await both(losAngeles, ["2031-06-13", "2031-06-14"])).toEqual([
    "booking_window 10",
    "SBC09",
  ]);
});
