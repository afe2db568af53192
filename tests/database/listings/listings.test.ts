/** What a host may do with a listing and its parts, and what everybody else sees of it. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  become,
  completeListing,
  draft,
  hold,
  NOON,
  ownerTransaction,
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
let other: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  other = await somebody(database, "Otto");
});

const LISTING = "select id from app_public.listings where id = $1";

const seen = (reader: string | null, statement: string, id: string) =>
  database.withVisitor(reader, async (client) => (await client.query(statement, [id])).rows);

describe("a draft", () => {
  test("makes its writer a host", async () => {
    const beginner = await somebody(database);
    const since = () =>
      asOwner(
        database,
        "select host_since is not null as host from app_public.users where id = $1",
        [beginner],
      );
    expect(await since()).toEqual([{ host: false }]);
    await draft(database, beginner);
    expect(await since()).toEqual([{ host: true }]);
  });

  test("cannot be seen by anybody but its host", async () => {
    const id = await completeListing(database, host);
    for (const part of [
      LISTING,
      "select listing_id as id from app_public.listing_photos where listing_id = $1",
      "select listing_id as id from app_public.listing_rates where listing_id = $1",
      "select listing_id as id from app_public.listing_addresses where listing_id = $1",
    ]) {
      expect(await seen(null, part, id)).toEqual([]);
      expect(await seen(other, part, id)).toEqual([]);
      expect(await seen(host, part, id)).toEqual([{ id }]);
      expect(await asOwner(database, part, [id])).toEqual([{ id }]);
    }
  });

  test("is not written for another host, nor by nobody", async () => {
    const insert = "insert into app_public.listings (title) values ('A flat') returning host_id";
    expect(await asVisitor(database, host, insert)).toEqual([{ host_id: host }]);
    expect(await refusal(asVisitor(database, null, insert))).toBe("42501");
    const forged = `insert into app_public.listings (title, host_id) values ('A flat', '${other}')`;
    expect(await refusal(asVisitor(database, host, forged))).toBe("42501");
  });

  test("keeps within its bounds", async () => {
    const id = await draft(database, host);
    for (const changes of [
      "title = ''",
      "title = repeat(' ', 1000000) || 'x'",
      "title = repeat('x', 201)",
      "description = repeat('x', 20001)",
      "max_guests = 0",
      "max_guests = 17",
      "min_nights = 0",
      "min_nights = 9, max_nights = 8",
      "max_nights = 731",
      "booking_window_days = 0",
      "preparation_days = -1",
      "bathrooms = 'NaN'",
      "advance_notice_hours = 337",
    ]) {
      const attempt = asVisitor(
        database,
        host,
        `update app_public.listings set ${changes} where id = $1`,
        [id],
      );
      expect(await refusal(attempt)).toBe("23514");
    }
  });

  test("has a status, a place and units that are not written directly", async () => {
    const id = await draft(database, host);
    for (const changes of [
      "status = 'published'",
      "unit_count = 2",
      "public_longitude = 0",
      "review_count = 100",
      `host_id = '${other}'`,
    ]) {
      const attempt = asVisitor(
        database,
        host,
        `update app_public.listings set ${changes} where id = $1`,
        [id],
      );
      expect(await refusal(attempt)).toBe("42501");
    }
  });
});

describe("somebody else's listing", () => {
  const EDITS = [
    "select app_public.publish_listing($1)",
    "select app_public.pause_listing($1)",
    "select app_public.archive_listing($1)",
    "select app_public.set_listing_amenities($1, '{wifi}')",
    "select app_public.set_listing_rates($1, 'EUR', 100)",
    "select app_public.set_dated_rate($1, '2031-07-01', '2031-07-02', 100)",
    "select app_public.block_nights($1, '2031-07-01', '2031-07-02')",
    "select app_public.set_listing_address($1, 'a', 'b', 'PT', 'UTC', 1, 1)",
  ];

  test("is not there while it is a draft, and not yours once it is public", async () => {
    const hidden = await completeListing(database, host);
    const open = await publishedListing(database, host);
    for (const edit of EDITS) {
      expect(await refusal(asVisitor(database, other, edit, [hidden]))).toBe("SBL01");
      expect(await refusal(asVisitor(database, other, edit, [open]))).toBe("SBG02");
      expect(await refusal(asVisitor(database, null, edit, [open]))).toBe("SBG01");
    }
    const title = "update app_public.listings set title = 'Her house' where id = $1 returning id";
    expect(await asVisitor(database, other, title, [open])).toEqual([]);
    expect(await asVisitor(database, host, title, [open])).toEqual([{ id: open }]);
  });

  test("stays visible to who has booked it when it is paused, and to nobody else", async () => {
    const id = await publishedListing(database, host);
    await hold(database, other, id);
    await asVisitor(database, host, "select app_public.pause_listing($1)", [id]);
    expect(await seen(other, LISTING, id)).toEqual([{ id }]);
    expect(await seen(await somebody(database), LISTING, id)).toEqual([]);
    expect(await seen(null, LISTING, id)).toEqual([]);
    expect(await asOwner(database, LISTING, [id])).toEqual([{ id }]);
  });

  test("is visible to the operator", async () => {
    const id = await draft(database, host);
    const found = await database.withOperator(other, async (client) => {
      const { rows } = await client.query(LISTING, [id]);
      return rows;
    });
    expect(found).toEqual([{ id }]);
  });
});

describe("photos", () => {
  const add =
    "insert into app_public.listing_photos (listing_id, url) values ($1, $2) returning id";

  test("are the host's alone to add", async () => {
    const id = await publishedListing(database, host);
    const url = "https://example.com/2.jpg";
    expect(await refusal(asVisitor(database, other, add, [id, url]))).toBe("42501");
    expect(await asVisitor(database, host, add, [id, url])).toHaveLength(1);
    for (const wrong of [
      "http://example.com/2.jpg",
      "https://a b",
      `https://${"x".repeat(2048)}`,
    ]) {
      expect(await refusal(asVisitor(database, host, add, [id, wrong]))).toBe("23514");
    }
  });

  test("are a hundred at most", async () => {
    const id = await draft(database, host);
    const fill = `insert into app_public.listing_photos (listing_id, url, position)
      select $1, 'https://example.com/' || n, n from generate_series(1, $2::integer) n`;
    expect(await refusal(asVisitor(database, host, fill, [id, 101]))).toBe("SBL05");
    await asVisitor(database, host, fill, [id, 100]);
    expect(await refusal(asVisitor(database, host, add, [id, "https://example.com/x"]))).toBe(
      "SBL05",
    );
  });

  test("are a hundred also when two are added at once, and a stranger learns nothing", async () => {
    const id = await draft(database, host);
    const fill = `insert into app_public.listing_photos (listing_id, url)
      select $1, 'https://example.com/' || n from generate_series(1, 99) n`;
    await asVisitor(database, host, fill, [id]);
    await withRival(database, async (first, second) => {
      await become(database, first, host);
      await become(database, second, host);
      const pid = await processOf(second);
      await first.query(add, [id, "https://example.com/100"]);
      const late = refusal(second.query(add, [id, "https://example.com/101"]));
      await untilBlocked(database, pid);
      await first.query("commit");
      expect(await late).toBe("SBL05");
    });
    expect(await refusal(asVisitor(database, other, add, [id, "https://example.com/x"]))).toBe(
      "42501",
    );
  });

  test("stand still once the listing is archived or suspended", async () => {
    const id = await publishedListing(database, host);
    const edits = [
      "update app_public.listing_photos set caption = 'New' where listing_id = $1 returning id",
      "delete from app_public.listing_photos where listing_id = $1 returning id",
    ];
    for (const status of ["suspended", "archived"]) {
      await ownerTransaction(database, (client) =>
        client.query("update app_public.listings set status = $2 where id = $1", [id, status]),
      );
      expect(await refusal(asVisitor(database, host, add, [id, "https://example.com/x"]))).toBe(
        "42501",
      );
      for (const edit of edits) expect(await asVisitor(database, host, edit, [id])).toEqual([]);
    }
    const there = "select from app_public.listing_photos where listing_id = $1";
    expect(await asOwner(database, there, [id])).toHaveLength(1);
  });
});

describe("amenities", () => {
  const codes = (id: string) =>
    asOwner(
      database,
      `select array_agg(amenity_code order by amenity_code) as codes
       from app_public.listing_amenities where listing_id = $1`,
      [id],
    );
  const set = (id: string, wanted: unknown) =>
    asVisitor(database, host, "select app_public.set_listing_amenities($1, $2)", [id, wanted]);

  test("are replaced as a set", async () => {
    const id = await draft(database, host);
    await set(id, ["wifi", "kitchen", "wifi"]);
    expect(await codes(id)).toEqual([{ codes: ["kitchen", "wifi"] }]);
    await set(id, ["pool", "wifi"]);
    expect(await codes(id)).toEqual([{ codes: ["pool", "wifi"] }]);
    await set(id, []);
    expect(await codes(id)).toEqual([{ codes: null }]);
  });

  test("come from the catalogue; nothing is half done", async () => {
    const id = await draft(database, host);
    await set(id, ["wifi"]);
    expect(await refusal(set(id, ["pool", "helipad"]))).toBe("SBL04");
    expect(await refusal(set(id, [null]))).toBe("SBL04");
    expect(await refusal(set(id, null))).toBe("SBL04");
    expect(await codes(id)).toEqual([{ codes: ["wifi"] }]);
  });
});
