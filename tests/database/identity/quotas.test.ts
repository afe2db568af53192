/** What costs nothing to make has a limit a person: exact when many ask at once, and raised by the operator. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { toApiError } from "../../../src/databaseErrors.ts";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  draft,
  NOON,
  publishedListing,
  quoted,
  refusal,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";

const database = testDatabase({ limitsHolds: true });
const ACCEPTED = "it was not refused";
let host: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
});

const allow = (kind: string, most: number, userId: string) =>
  asOwner(database, "select app_public.set_quota($1, $2, $3)", [userId, kind, most]);

/** How many of many attempts at once go through; all the others are refused for the quota. */
async function race(count: number, attempt: (round: number) => Promise<unknown>): Promise<number> {
  const codes = await Promise.all(
    Array.from({ length: count }, (_, round) => refusal(attempt(round))),
  );
  const refused = codes.filter((code) => code !== ACCEPTED);
  expect(new Set(refused)).toEqual(new Set(["SBG07"]));
  return count - refused.length;
}

describe("a person has at most", () => {
  test("so many listings, of any state", async () => {
    const maker = await somebody(database, "Mona");
    await allow("listings", 5, maker);
    expect(await race(12, () => draft(database, maker))).toBe(5);
    await allow("listings", 6, maker);
    await expect(draft(database, maker)).resolves.toBeDefined();
    expect(await refusal(draft(database, maker))).toBe("SBG07");
  });

  test("so many drafts, and more once one is published", async () => {
    const maker = await somebody(database, "Mona");
    await allow("drafts", 1, maker);
    await publishedListing(database, maker);
    await draft(database, maker);
    expect(await refusal(draft(database, maker))).toBe("SBG07");
  });

  test("so many units", async () => {
    const maker = await somebody(database, "Mona");
    await allow("units", 10, maker);
    expect(await race(4, () => draft(database, maker, { units: 4 }))).toBe(2);
    expect(await refusal(draft(database, maker, { units: 2 }))).toBe(ACCEPTED);
  });

  test("so many quotes that can be booked", async () => {
    const guest = await somebody(database, "Gero");
    const id = await publishedListing(database, host);
    await allow("quotes", 4, guest);
    expect(await race(10, () => quoted(database, guest, id))).toBe(4);
    await stopClock(database, "2031-06-02T11:31:00Z");
    expect(await refusal(quoted(database, guest, id))).toBe(ACCEPTED);
    await stopClock(database, NOON);
  });

  test("so many blocks, over all listings", async () => {
    const maker = await somebody(database, "Mona");
    const ids = [await draft(database, maker), await draft(database, maker, { units: 2 })];
    await allow("blocks", 4, maker);
    const block = (id: string | undefined, month: number) =>
      asVisitor(
        database,
        maker,
        "select id from app_public.block_nights($1, make_date(2032, $2, 1), make_date(2032, $2, 3))",
        [id, month],
      );
    expect(await race(8, (round) => block(ids[0], round + 1))).toBe(4);
    expect(await refusal(block(ids[1], 1))).toBe("SBG07");
  });
});

test("so many photos, over all listings", async () => {
  const maker = await somebody(database, "Mona");
  const ids = [await draft(database, maker), await draft(database, maker)];
  await allow("photos", 5, maker);
  const add = (round: number) =>
    asVisitor(
      database,
      maker,
      "insert into app_public.listing_photos (listing_id, url, position) values ($1, $2, $3)",
      [ids[round % 2], `https://photos.example/${round}.jpg`, round],
    );
  expect(await race(12, add)).toBe(5);
});

test("blocks that are over count no more", async () => {
  const maker = await somebody(database, "Mona");
  const id = await draft(database, maker);
  await allow("blocks", 1, maker);
  const block = (year: number) =>
    asVisitor(
      database,
      maker,
      "select id from app_public.block_nights($1, make_date($2, 7, 1), make_date($2, 7, 3))",
      [id, year],
    );
  expect(await refusal(block(2031))).toBe(ACCEPTED);
  expect(await refusal(block(2032))).toBe("SBG07");
  await stopClock(database, "2031-08-01T11:00:00Z");
  expect(await refusal(block(2032))).toBe(ACCEPTED);
  await stopClock(database, NOON);
});

test("the defaults refuse what one account made: 300 listings, 15,000 units, 2,000 quotes", async () => {
  const found = await asOwner(database, "select kind, most from app_private.quotas");
  expect(Object.fromEntries(found.map(({ kind, most }) => [kind, most]))).toEqual({
    blocks: 2000,
    drafts: 50,
    holds: 3,
    hourly_holds: 20,
    listings: 100,
    photos: 2000,
    quotes: 200,
    units: 1000,
  });
});

test("the refusal says which quota and how much, and the operator alone raises it", async () => {
  const maker = await somebody(database, "Mona");
  await allow("listings", 0, maker);
  const error = await draft(database, maker).catch((thrown: unknown) => toApiError(thrown));
  expect(error).toMatchObject({
    code: "QUOTA_REACHED",
    details: { quota: "LISTINGS", most: 0 },
  });
  const raise = "select app_public.set_quota($1, 'listings', 3)::text as most";
  expect(await refusal(asVisitor(database, maker, raise, [maker]))).toBe("42501");
  const raised = await database.withOperator(host, async (client) => {
    const { rows } = await client.query<{ most: string }>(raise, [maker]);
    return rows;
  });
  expect(text(raised, "most")).toBe("3");
});

test("without its trigger nobody counts (negative control)", async () => {
  const maker = await somebody(database, "Mona");
  await allow("listings", 0, maker);
  await asOwner(database, "alter table app_public.listings disable trigger _200_quota");
  expect(await refusal(draft(database, maker))).toBe(ACCEPTED);
  await asOwner(database, "alter table app_public.listings enable trigger _200_quota");
});
