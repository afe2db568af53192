/** From draft to archive: what a listing lacks, and which steps its status allows. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  completeListing,
  draft,
  NOON,
  publishedListing,
  refusal,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
});

const step = (verb: string, id: string) =>
  asVisitor(database, host, `select (app_public.${verb}_listing($1)).status::text as status`, [id]);

const force = (id: string, status: string) =>
  asOwner(database, "update app_public.listings set status = $2 where id = $1", [id, status]);

describe("a published listing", () => {
  test("keeps what it needs until it is paused, and its last photo", async () => {
    const id = await publishedListing(database, host);
    const empty = () =>
      asVisitor(database, host, "update app_public.listings set house_rules = '' where id = $1", [
        id,
      ]);
    const bare = () =>
      asVisitor(database, host, "delete from app_public.listing_photos where listing_id = $1", [
        id,
      ]);
    expect(await refusal(empty())).toBe("SBL02");
    expect(await refusal(bare())).toBe("SBL02");
    await asVisitor(
      database,
      host,
      "insert into app_public.listing_photos (listing_id, url) values ($1, 'https://example.com/2')",
      [id],
    );
    await asVisitor(
      database,
      host,
      "delete from app_public.listing_photos where listing_id = $1 and url = 'https://example.com/1'",
      [id],
    );
    await step("pause", id);
    await empty();
    await bare();
  });
});

describe("publishing", () => {
  test("names everything that is missing", async () => {
    const id = await draft(database, host);
    await asVisitor(
      database,
      host,
      "update app_public.listings set title = 'Flat', description = '', house_rules = ' ' where id = $1",
      [id],
    );
    const missing = ["title", "description", "house_rules", "address", "photo", "rates"];
    await expect(step("publish", id)).rejects.toMatchObject({
      code: "SBL02",
      column: "listing_id",
      detail: JSON.stringify(missing).replaceAll(",", ", "),
    });
    const COMPUTED = `select app_public.listings_missing_for_publication(l) as missing
      from app_public.listings l where id = $1`;
    expect(await asVisitor(database, host, COMPUTED, [id])).toEqual([{ missing }]);
  });

  test("wants a verified address of the host", async () => {
    const id = await completeListing(database, host);
    const verify = (instant: string | null) =>
      asOwner(
        database,
        "update app_public.user_contacts set email_verified_at = $2 where user_id = $1",
        [host, instant],
      );
    await verify(null);
    await expect(step("publish", id)).rejects.toMatchObject({
      code: "SBL02",
      detail: '["verified_email"]',
    });
    await verify(NOON);
    expect(await step("publish", id)).toEqual([{ status: "published" }]);
  });

  test("says to the host alone what is missing", async () => {
    const id = await publishedListing(database, host);
    const ask = (reader: string | null) =>
      asVisitor(
        database,
        reader,
        `select app_public.listings_missing_for_publication(l) as missing
         from app_public.listings l where id = $1`,
        [id],
      );
    expect(await ask(host)).toEqual([{ missing: [] }]);
    expect(await ask(null)).toEqual([{ missing: null }]);
    expect(await ask(await somebody(database))).toEqual([{ missing: null }]);
  });

  test("keeps the date of the first time", async () => {
    const id = await publishedListing(database, host);
    const since = () =>
      asOwner(database, "select published_at from app_public.listings where id = $1", [id]);
    const first = await since();
    await stopClock(database, "2031-06-03T11:00:00Z");
    await step("pause", id);
    await step("publish", id);
    expect(await since()).toEqual(first);
    await stopClock(database, NOON);
  });
});

describe("the status", () => {
  const ALLOWED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    draft: { publish: "published", pause: "SBL03", archive: "archived" },
    pending_approval: { publish: "SBL03", pause: "SBL03", archive: "archived" },
    published: { publish: "published", pause: "paused", archive: "archived" },
    paused: { publish: "published", pause: "paused", archive: "archived" },
    suspended: { publish: "SBL03", pause: "SBL03", archive: "SBL03" },
    archived: { publish: "SBL03", pause: "SBL03", archive: "SBL03" },
  };

  for (const [status, steps] of Object.entries(ALLOWED)) {
    test(`${status} allows what it allows and nothing else`, async () => {
      const id = await completeListing(database, host);
      for (const [verb, result] of Object.entries(steps)) {
        await force(id, status);
        if (result.startsWith("SB")) expect(await refusal(step(verb, id))).toBe(result);
        else expect(await step(verb, id)).toEqual([{ status: result }]);
      }
    });
  }

  test("suspended or archived lets the host change nothing more", async () => {
    const id = await completeListing(database, host);
    for (const status of ["suspended", "archived"]) {
      await force(id, status);
      const rates = asVisitor(database, host, "select app_public.set_listing_rates($1, 'EUR', 1)", [
        id,
      ]);
      expect(await refusal(rates)).toBe("SBL03");
      const title = "update app_public.listings set title = 'Other' where id = $1 returning id";
      expect(await asVisitor(database, host, title, [id])).toEqual([]);
    }
  });
});
