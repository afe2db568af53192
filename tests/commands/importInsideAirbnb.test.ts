/**
 * Imports invented rows in the format of Inside Airbnb, and a real city where its files are beside
 * the repository. What import_listing does with bookings of ours is tested with the database.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { AMENITY_CODES, amenityCodes } from "../../src/commands/import/amenities.ts";
import { CalendarStore, nightsOf, parseDay } from "../../src/commands/import/calendar.ts";
import { COUNTRIES_OF, chooseCurrency } from "../../src/commands/import/currency.ts";
import { importCity, openCity } from "../../src/commands/import/insideAirbnb.ts";
import { parseBathrooms, RowFault, readListing } from "../../src/commands/import/listing.ts";
import { type ImportOptions, readOptions } from "../../src/commands/import/options.ts";
import { PlaceVotes, parsePlace } from "../../src/commands/import/place.ts";
import {
  type Minor,
  parseNumber,
  parsePrice,
  plainLine,
  plainText,
  shorten,
} from "../../src/commands/import/text.ts";
import { testDatabase } from "../helpers/database.ts";
import { paidBooking, somebody } from "../helpers/factories.ts";
import { type Draw, drawFrom } from "../helpers/generate.ts";

const POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";
const FIXTURES = fileURLToPath(new URL("fixtures/inside-airbnb", import.meta.url));
const ALBANY = resolve("../shared/data/inside-airbnb/albany");
const COMMAND = fileURLToPath(
  new URL("../../src/commands/import/insideAirbnb.ts", import.meta.url),
);
/** How the ids of all listings in the fixtures begin. */
const IDS = "100000000000000000";

const database = testDatabase();
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "staybase-import-test-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

type Change = (csv: string) => string | Buffer;

/** A copy of the fixtures in a folder of that name, its files changed. */
async function city(name: string, listings?: Change, calendar?: Change): Promise<string> {
  const dir = join(folder, name);
  await cp(FIXTURES, dir, { recursive: true });
  for (const [file, change] of [
    ["listings.csv", listings],
    ["calendar.csv", calendar],
  ] as const) {
    const path = join(dir, file);
    if (change !== undefined) await writeFile(path, change(await readFile(path, "utf8")));
  }
  return dir;
}

/** The same city with other listings: their ids begin otherwise, those of the hosts do not. */
async function others(ids: string, listings = same, calendar = same): Promise<string> {
  const renumber = (csv: string): string => csv.replaceAll(IDS, ids);
  return city(
    ids,
    (csv) => renumber(listings(csv)),
    (csv) => renumber(calendar(csv)),
  );
}

function same(csv: string): string {
  return csv;
}

/** A city of `count` listings that are alike; ids from 1 on behind `ids`. */
async function street(ids: string, count: number): Promise<string> {
  const dir = await city(ids, (csv) => {
    const [header = "", , row = ""] = csv.split("\n");
    const rows = Array.from({ length: count }, (_, at) => row.replace(/^\d+/, `${ids}${at + 1}`));
    return `${[header, ...rows].join("\n")}\n`;
  });
  await rm(join(dir, "calendar.csv"));
  return dir;
}

async function run(
  dir: string,
  options: Partial<ImportOptions> = {},
  stop = new AbortController(),
) {
  const lines: string[] = [];
  const result = await importCity(
    database.config,
    await openCity(dir),
    { dir, ...options },
    { signal: stop.signal, print: (line) => lines.push(line) },
  );
  return { ...result, text: lines.join("\n") };
}

async function rows(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  return (await database.owner.query(sql, values)).rows;
}

describe("a city of invented rows", () => {
  test("is written, and what cannot be is skipped with row and reason", async () => {
    const report = join(folder, "report.txt");
    const result = await run(FIXTURES, { report });
    expect(result).toMatchObject({ created: 4, updated: 0, skipped: 3, exitCode: 3 });
    expect(result.text).toMatch(/listings row 4 \(id 1000000000000000004\): .*Castle/);
    expect(result.text).toMatch(/listings row 5 .*same id/);
    expect(result.text).toMatch(/listings row 7 .*on earth/);
    expect(result.text).toMatch(/calendar row 12: .*2024-06-31/);
    expect(result.text).toMatch(/currency {3}EUR \(that of PT.*--currency\)/);
    expect(result.text).toMatch(/On request.*--booking-mode instant.*: 3 listings/);
    // What it says to search with finds what it wrote.
    const box = /searchListings\(west: (\S+), south: (\S+), east: (\S+), north: (\S+), /.exec(
      result.text,
    );
    const found = await rows(
      "select from app_public.search_listings($1, $2, $3, $4)",
      box?.slice(1),
    );
    const published = await rows("select from app_public.listings where status = 'published'");
    expect(found).toHaveLength(published.length);
    expect(found).not.toHaveLength(0);
    const written = await readFile(report, "utf8");
    expect(written.match(/^skipped\t/gm)).toHaveLength(4);
    expect(written).toContain("accommodates 20, written as 16");
    expect(written).toContain('"Pool table"');
  });

  test("keeps texts of every script, limits, rooms and place", async () => {
    const found = await rows(
      `select i.external_id, l.title, l.description, l.type::text, l.max_guests, l.bedrooms, l.beds,
         l.bathrooms::float, l.min_nights, l.max_nights, l.booking_mode::text, l.status::text,
         l.city, l.country_code, l.time_zone, a.street
       from app_private.imported_listings i
       join app_public.listings l on l.id = i.listing_id
       join app_public.listing_addresses a on a.listing_id = l.id
       where i.source = 'inside-airbnb' order by i.external_id`,
    );
    const place = { city: "Porto", country_code: "PT", time_zone: "Europe/Lisbon" };
    expect(found).toMatchObject([
      {
        external_id: "1000000000000000001",
        title: "River loft 🌊 bright",
        description: "Stairs & views.\n\nOlá, 世界.",
        type: "entire_home",
        max_guests: 16,
        min_nights: 2,
        max_nights: 730,
        booking_mode: "instant",
        status: "published",
        street: "Ribeira",
        ...place,
      },
      { external_id: "1000000000000000002", status: "draft", bathrooms: 0.5, ...place },
      { external_id: "1000000000000000003", type: "private_room", bathrooms: 1.5, ...place },
      {
        external_id: "1000000000000000005",
        title: "Entire rental unit in Porto",
        min_nights: 730,
        max_nights: 730,
        bedrooms: 1,
        beds: 1,
        ...place,
      },
    ]);
  });

  test("keeps hosts once, prices, pictures, amenities and scores", async () => {
    const hosts = await rows(
      `select h.external_id, u.display_name, u.bio, u.avatar_url
       from app_private.imported_hosts h join app_public.users u on u.id = h.user_id
       where h.source = 'inside-airbnb' order by h.external_id`,
    );
    expect(hosts).toMatchObject([
      { external_id: "42", display_name: "Гоша" },
      {
        external_id: "9000000000000000001",
        display_name: "Ada",
        bio: "I like maps.\nAnd tea & rain.",
        avatar_url: "https://example.com/ada.jpg",
      },
    ]);
    const [loft] = await rows(
      `select r.nightly_amount::integer, r.currency, s.review_count, s.rating::float,
         s.check_in_rating::float,
         array(select a.amenity_code from app_public.listing_amenities a
           where a.listing_id = r.listing_id order by 1) as amenities,
         array(select p.url::text from app_public.listing_photos p
           where p.listing_id = r.listing_id) as photos
       from app_private.imported_listings i
       join app_public.listing_rates r on r.listing_id = i.listing_id
       join app_hidden.imported_review_scores s on s.listing_id = i.listing_id
       where i.external_id = '1000000000000000001'`,
    );
    expect(loft).toEqual({
      nightly_amount: 123450,
      currency: "EUR",
      review_count: 12,
      rating: 4.75,
      check_in_rating: 4.9,
      amenities: ["free_parking", "hair_dryer", "tv", "wifi"],
      photos: ["https://example.com/p.jpg"],
    });
  });

  test("has nights out of a calendar in any order, merged to ranges", async () => {
    const claims = await rows(
      `select i.external_id, c.nights::text from app_public.calendar_claims c
       join app_private.imported_listings i on i.listing_id = c.listing_id
       where i.source = 'inside-airbnb' order by 1, c.nights`,
    );
    expect(claims).toEqual([
      { external_id: "1000000000000000001", nights: "[2000-01-01,2024-06-01)" },
      { external_id: "1000000000000000001", nights: "[2024-06-03,2024-06-04)" },
      { external_id: "1000000000000000001", nights: "[2024-06-05,2101-01-01)" },
      { external_id: "1000000000000000002", nights: "[2000-01-01,2024-06-01)" },
      { external_id: "1000000000000000002", nights: "[2024-06-02,2101-01-01)" },
      { external_id: "1000000000000000003", nights: "[2000-01-01,2024-06-04)" },
      { external_id: "1000000000000000003", nights: "[2024-06-05,2101-01-01)" },
      { external_id: "1000000000000000005", nights: "[2000-01-01,2101-01-01)" },
    ]);
    const rates = await rows(
      `select d.nights::text, d.nightly_amount::integer as amount from app_public.dated_rates d
       join app_private.imported_listings i on i.listing_id = d.listing_id
       where i.source = 'inside-airbnb' order by d.nights`,
    );
    expect(rates).toEqual([
      { nights: "[2024-06-03,2024-06-05)", amount: 150000 },
      { nights: "[2024-06-05,2024-06-06)", amount: 9500 },
    ]);
  });

  test("changes nothing the second time, and one listing when one changed", async () => {
    const again = await run(FIXTURES);
    expect(again).toMatchObject({ created: 0, updated: 0, unchanged: 4 });
    expect(again.text).toContain("Nothing changed");
    const changed = await city("changed", (csv) => csv.replace("$1,234.50", "$999.00"));
    expect(await run(changed)).toMatchObject({ created: 0, updated: 1, unchanged: 3 });
    const [count] = await rows(
      `select (select count(*)::integer from app_public.listings) as listings,
         (select count(*)::integer from app_private.search_drift()) as search,
         (select count(*)::integer from app_private.calendar_drift()) as calendar`,
    );
    expect(count).toEqual({ listings: 4, search: 0, calendar: 0 });
  });

  test("begins this week with --shift-to-today, and options decide over guesses", async () => {
    const dir = await others("2000");
    const options = readOptions(
      [dir, "--shift-to-today", "--city", "São João", "--region", "Norte"].concat(
        ["--country", "Portugal", "--time-zone", "Atlantic/Azores", "--currency", "jpy"],
        ["--booking-mode", "instant"],
      ),
    );
    const result = await run(dir, options);
    expect(result).toMatchObject({ created: 4 });
    expect(result.text).toContain("JPY (--currency)");
    expect(result.text).not.toContain("On request");
    // The calendar begins on a Saturday.
    const [found] = await rows(
      `select (app_hidden.clock() at time zone 'Atlantic/Azores')::date - min(upper(c.nights))
           between 0 and 6 as this_week,
         extract(isodow from min(upper(c.nights)))::integer as weekday,
         bool_and(l.booking_mode = 'instant' and l.region = 'Norte' and l.country_code = 'PT') as said,
         max(r.nightly_amount)::integer as highest
       from app_public.listings l
       left join app_public.listing_rates r on r.listing_id = l.id
       left join app_public.calendar_claims c on c.listing_id = l.id
       where l.city = 'São João'`,
    );
    expect(found).toEqual({ this_week: true, weekday: 6, said: true, highest: 1235 });
  });

  test("that is imported twice at the same time is there once", async () => {
    const dir = await others("3000");
    const twins = await Promise.all([1, 2].map(() => run(dir, { city: "Twin" })));
    expect(twins.map(({ skipped }) => skipped)).toEqual([3, 3]);
    expect(twins.reduce((sum, { created }) => sum + created, 0)).toBe(4);
    const [count] = await rows(
      `select count(*)::integer as listings from app_public.listings where city = 'Twin'`,
    );
    expect(count).toEqual({ listings: 4 });
  });

  test("that goes by another name the next time is not there twice", async () => {
    const dir = await others("3100");
    expect(await run(dir, { city: "Gaia" })).toMatchObject({ created: 4 });
    const renamed = await run(dir, { city: "Vila Nova de Gaia" });
    expect(renamed).toMatchObject({ created: 0, updated: 4 });
    expect(
      await rows(
        `select city, count(*)::integer as listings from app_public.listings
         where city like '%Gaia' group by city`,
      ),
    ).toEqual([{ city: "Vila Nova de Gaia", listings: 4 }]);
  });

  test("shares its hosts with other cities", async () => {
    const [one, other] = [await others("3200"), await others("3300")];
    await run(one, { city: "Here" });
    await run(other, { city: "There" });
    expect(
      await rows(
        `select u.display_name, count(distinct l.city)::integer as cities
         from app_public.listings l join app_public.users u on u.id = l.host_id
         where l.city in ('Here', 'There') group by u.id order by u.display_name`,
      ),
    ).toEqual([
      { display_name: "Ada", cities: 2 },
      { display_name: "Гоша", cities: 2 },
    ]);
  });

  test("has ratings of 1 to 5 also where the file is old", async () => {
    const dir = await others("3400", (csv) =>
      csv.replace(",12,,,,,4.75,,,4.9,", ",12,,,,,95,,,9,"),
    );
    const result = await run(dir);
    expect(result.text).toContain("ratings    up to 100");
    expect(
      await rows(
        `select s.rating::float, s.check_in_rating::float as check_in
         from app_hidden.imported_review_scores s
         join app_private.imported_listings i on i.listing_id = s.listing_id
         where i.external_id = '34001'`,
      ),
    ).toEqual([{ rating: 4.75, check_in: 4.5 }]);
  });

  test("has amounts that can be charged, also where a step is ten", async () => {
    const dir = await others(
      "3500",
      (csv) => csv.replace("$1,234.50", "$1,234.505"),
      (csv) => csv.replaceAll("$1,234.50", "$1,234.505").replace("$95.00", "$95.006"),
    );
    await run(dir, { currency: "KWD", city: "Kuwait City" });
    expect(
      await rows(
        `select r.nightly_amount::integer as base, d.nightly_amount::integer as dated
         from app_public.listings l
         join app_public.listing_rates r on r.listing_id = l.id
         left join app_public.dated_rates d on d.listing_id = l.id
         where l.city = 'Kuwait City' order by 1, 2`,
      ),
    ).toEqual([
      { base: 80_000, dated: 95_010 },
      { base: 80_000, dated: null },
      { base: 1_234_510, dated: 1_500_000 },
    ]);
  });

  test("keeps a block whose price cannot be read, and tells of listings without days", async () => {
    const dir = await others("3600", same, (csv) =>
      csv.replace("06-05,f,$95.00", "06-05,f,ninety").replace(/^\d+5,.*\n/m, ""),
    );
    const result = await run(dir, { city: "Blocks" });
    expect(result).toMatchObject({ blockedNights: 5 });
    expect(result.text).toContain("prices that are no amount, so these nights are not known: 1.");
    expect(result.text).toMatch(/No calendar row that can be read.* not sold: 1 listing\./);
    expect(result.exitCode).toBe(3);
    expect(
      await rows(
        `select c.nights::text, d.nightly_amount from app_public.calendar_claims c
         join app_private.imported_listings i on i.listing_id = c.listing_id
         left join app_public.dated_rates d
           on d.listing_id = c.listing_id and d.nights && c.nights
         where i.external_id = '36003' order by c.nights`,
      ),
    ).toEqual([
      { nights: "[2000-01-01,2024-06-04)", nightly_amount: null },
      { nights: "[2024-06-05,2101-01-01)", nightly_amount: null },
    ]);
  });

  test("has a listing with its new host, and says where bookings keep the old one", async () => {
    const dir = await others("3700");
    await rm(join(dir, "calendar.csv"));
    const options = { city: "Hosted", assumeFree: true };
    await run(dir, options);
    const [booked] = await rows(
      `select i.listing_id as id, (current_date + 30)::text as check_in,
         (current_date + 33)::text as check_out
       from app_private.imported_listings i where i.external_id = '37001'`,
    );
    const stay = [String(booked?.check_in), String(booked?.check_out)] as const;
    await paidBooking(database, await somebody(database), String(booked?.id), stay);
    const path = join(dir, "listings.csv");
    const csv = await readFile(path, "utf8");
    await writeFile(
      path,
      csv
        .replace(/^(37005,.*),42,/m, "$1,43,")
        .replace(/^(37001,.*),9000000000000000001,/m, "$1,44,"),
    );
    const result = await run(dir, options);
    expect(result).toMatchObject({ updated: 2, unchanged: 2 });
    expect(result.text).toContain("booked already, so they stay with theirs: 1 listing.");
    expect(
      await rows(
        `select i.external_id as listing, h.external_id as host from app_public.listings l
         join app_private.imported_hosts h on h.user_id = l.host_id
         join app_private.imported_listings i on i.listing_id = l.id
         where i.external_id in ('37001', '37005') order by 1`,
      ),
    ).toEqual([
      { listing: "37001", host: "9000000000000000001" },
      { listing: "37005", host: "43" },
    ]);
  });

  test("without a calendar says so and sells nothing, unless told to", async () => {
    const dir = await others("4000");
    await rm(join(dir, "calendar.csv"));
    const result = await run(dir, { city: "Free" });
    expect(result).toMatchObject({ created: 4, blockedNights: 0, datedRates: 0, exitCode: 3 });
    expect(result.text).toContain("no calendar.csv.gz");
    const taken = async (): Promise<unknown> =>
      rows(
        `select distinct c.nights::text from app_public.calendar_claims c
         join app_public.listings l on l.id = c.listing_id where l.city = 'Free'`,
      );
    expect(await taken()).toEqual([{ nights: "[2000-01-01,2101-01-01)" }]);
    expect(await run(dir, { city: "Free", assumeFree: true })).toMatchObject({
      updated: 4,
      exitCode: 0,
    });
    expect(await taken()).toEqual([]);
  });

  test("of which no row can be written gives exit code 2", async () => {
    const dir = await city("castles", (csv) =>
      csv.replace(/Entire home\/apt|Private room/g, "Tent"),
    );
    expect(await run(dir, { city: "Tents" })).toMatchObject({ created: 0, exitCode: 2 });
  });

  test("that is stopped before it is written has exit code 130 and changes nothing", async () => {
    const stop = new AbortController();
    stop.abort();
    const result = await run(FIXTURES, { city: "Stopped" }, stop);
    expect(result).toMatchObject({ created: 0, isStopped: true, exitCode: 130 });
    expect(await rows("select from app_public.listings where city = 'Stopped'")).toEqual([]);
  });
});

describe("a snapshot of a city", () => {
  /** What became of a listing of the fixtures. */
  async function state(id: string): Promise<unknown> {
    const [found] = await rows(
      `select l.title, u.display_name as host, l.min_nights, r.nightly_amount::integer as amount,
         (select range_agg(c.nights)::text from app_public.calendar_claims c
          where c.listing_id = l.id) as taken
       from app_private.imported_listings i
       join app_public.listings l on l.id = i.listing_id
       join app_public.users u on u.id = l.host_id
       join app_public.listing_rates r on r.listing_id = l.id
       where i.external_id = $1`,
      [id],
    );
    return found;
  }

  /** One listing, with other words in some columns; no calendar unless given. */
  async function snapshot(id: string, cells: Record<string, string>, calendar?: string) {
    const dir = await city(`${id}-${Object.values(cells).join("-").replace(/\W/g, "")}`, (csv) => {
      const [header = "", , row = ""] = csv.split("\n");
      const values = row
        .replace(/"\[.*\]"/, "[]")
        .replace(/^\d+/, id)
        .split(",");
      // The place of the host has a comma in its quotes.
      const at = values.indexOf('"Porto');
      values.splice(at, 2, "Porto");
      const names = header.split(",");
      for (const [name, cell] of Object.entries(cells)) values[names.indexOf(name)] = cell;
      return `${header}\n${values.join(",")}\n`;
    });
    if (calendar === undefined) await rm(join(dir, "calendar.csv"));
    else await writeFile(join(dir, "calendar.csv"), `listing_id,date,available,price\n${calendar}`);
    return () => run(dir, { city: "Porto", countryCode: "PT" });
  }

  test("ends the same in any order, and the newest one counts", async () => {
    const states: unknown[] = [];
    for (const [id, order] of [
      ["610001", [0, 1, 0, 1]],
      ["610002", [1, 0, 0]],
    ] as const) {
      const host = { host_id: `7${id}` };
      const days = `${id},2024-06-01,t,$80.00\n${id},2024-06-02,f,$80.00\n`;
      const old = { last_scraped: "2015-10-03", name: "Old", host_name: "Before", price: "$50.00" };
      const snapshots = [
        await snapshot(id, { ...host, ...old }, days),
        await snapshot(id, { ...host, name: "New", host_name: "Now" }),
      ];
      for (const at of order) await snapshots[at]?.();
      states.push(await state(id));
      // Another listing of the host in an old snapshot does not bring the old name back.
      const other = await snapshot(`${id}9`, { ...host, ...old });
      expect(await other()).toMatchObject({ created: 1 });
      expect(await state(id)).toEqual(states.at(-1));
      const later = await snapshot(`${id}9`, { ...host, last_scraped: "2099-10-03", name: "X" });
      expect((await later()).text).toContain("No day in last_scraped");
      expect(await state(`${id}9`)).toMatchObject({ title: "Old", host: "Now" });
    }
    const taken = "{[2000-01-01,2024-06-01),[2024-06-02,2101-01-01)}";
    expect(states[0]).toMatchObject({ title: "New", host: "Now", amount: 8000, taken });
    expect(states[1]).toEqual(states[0]);
  });

  test("repairs a host whom somebody has changed, though the listing is as it was", async () => {
    const bring = await snapshot("620001", { host_id: "762", host_name: "True" });
    await bring();
    await rows(
      `update app_public.users set display_name = 'False' where id = (
         select user_id from app_private.imported_hosts where external_id = '762')`,
    );
    expect(await bring()).toMatchObject({ updated: 1 });
    expect(await bring()).toMatchObject({ unchanged: 1 });
    expect(await state("620001")).toMatchObject({ host: "True" });
  });

  const DATES = ["03/12/2027", "2027-12-32", "2027-12-3", "", "tomorrow", "5e3", "2027-02-29"];
  const WORDS = ["", "yes", "1", "n/a", "?", "\ufffd", "tt"];
  const PRICES = ["free", "$-1", "$1e3", "$999999999999", "€", "12;50", "--"];

  test.each(DATES.map((date, at) => [date, WORDS[at] ?? "", PRICES[at] ?? ""] as const))(
    "with the date %p, the word %p and the price %p frees no night, and has exit code 3",
    async (date, word, price) => {
      const id = String(630_000 + DATES.indexOf(date));
      const good = `${id},2027-12-01,t,$80.00\n${id},2027-12-02,f,\n${id},2027-12-03,T,\n`;
      const known = "{[2000-01-01,2027-12-01),[2027-12-02,2027-12-03),[2027-12-04,2101-01-01)}";
      expect(await (await snapshot(id, {}, good))()).toMatchObject({ exitCode: 0 });
      expect(await state(id)).toMatchObject({ taken: known });
      // Nothing of it can be read, or no calendar came: what was known stays.
      const none = await snapshot(id, {}, `${id},${date},t,$80.00\n`);
      expect(await none()).toMatchObject({ exitCode: 3 });
      expect(await (await snapshot(id, {}))()).toMatchObject({ exitCode: 3 });
      expect(await state(id)).toMatchObject({ taken: known });
      const bad = `${id},2027-12-01,${word},\n${id},${date},t,\n${id},2027-12-03,t,${price}\n`;
      const unread = await snapshot(id, {}, bad);
      expect(await unread()).toMatchObject({ exitCode: 3 });
      expect(await state(id)).toMatchObject({ taken: known });
      // Of the same day, the calendar that tells more nights counts, whichever comes last.
      const partly = await snapshot(id, {}, `${bad}${id},2027-12-04,t,\n`);
      expect(await partly()).toMatchObject({ exitCode: 3 });
      expect(await state(id)).toMatchObject({ taken: known });
      // A newer one counts alone; what it does not tell is closed.
      const newer = { last_scraped: "2025-10-04" };
      const later = await snapshot(id, newer, `${bad}${id},2027-12-04,t,\n`);
      expect(await later()).toMatchObject({ exitCode: 3 });
      const taken = "{[2000-01-01,2027-12-04),[2027-12-05,2101-01-01)}";
      expect(await state(id)).toMatchObject({ taken });
      expect(await (await snapshot(id, {}, good))()).toMatchObject({ unchanged: 1 });
      expect(await state(id)).toMatchObject({ taken });
    },
  );

  test("makes nothing instant that does not say so", async () => {
    let count = 640_000;
    for (const [flag, least, mode] of [
      ["t", "2", "instant"],
      ["True", "2", "instant"],
      ["False", "2", "request"],
      ["", "2", "request"],
      ["yes", "2", "request"],
      ["t", "", "request"],
      ["t", "many", "request"],
    ] as const) {
      count += 1;
      await (await snapshot(String(count), { instant_bookable: flag, minimum_nights: least }))();
      const found = await rows(
        `select l.booking_mode::text as mode from app_public.listings l
         join app_private.imported_listings i on i.listing_id = l.id where i.external_id = $1`,
        [String(count)],
      );
      expect([flag, least, found]).toEqual([flag, least, [{ mode }]]);
    }
  });
});

describe("a row of a listings file", () => {
  const draws = (): Draw[] => Array.from({ length: 200 }, (_, seed) => drawFrom(seed));
  const usual = {
    id: "1",
    name: "Flat",
    description: "Bright.",
    picture_url: "https://example.com/a.jpg",
    host_id: "2",
    host_name: "Ada",
    host_about: "Hello.",
    host_since: "2015-01-01",
    neighbourhood_cleansed: "Ribeira",
    latitude: "41.1",
    longitude: "-8.6",
    room_type: "Private room",
    accommodates: "2",
    bathrooms: "1",
    bedrooms: "1",
    beds: "1",
    amenities: "[]",
    price: "$50.00",
    minimum_nights: "1",
    maximum_nights: "30",
    number_of_reviews: "3",
    instant_bookable: "t",
    last_scraped: "2025-10-03",
  };

  /** A row that is as usual but for some cells. */
  function read(changes: Partial<typeof usual> = {}) {
    const row = { ...usual, ...changes };
    return readListing(Object.values(row), {
      columns: new Map(Object.keys(row).map((name, at) => [name, at])),
      place: { city: "Porto", region: null, countryCode: "PT" },
      timeZone: "Europe/Lisbon",
      today: "2026-01-01",
      currency: { code: "EUR", exponent: 2, chargeStep: 1 },
      bookingMode: null,
      assumeFree: false,
      hasOldRatings: false,
    });
  }

  test("that is as usual has nothing to note", () => {
    expect(read().notices).toEqual([]);
  });

  const essential = [
    "id",
    "host_id",
    "latitude",
    "longitude",
    "room_type",
    "accommodates",
  ] as const;
  const names = Object.keys(usual) as (keyof typeof usual)[];
  test.each(names.filter((name) => !essential.some((one) => one === name)))(
    "is a listing whatever %s says, and what is left out or filled in is noted",
    (name) => {
      const isText = /name|description|about/.test(name);
      const mayBeEmpty = ["description", "host_about", "amenities"].includes(name);
      for (const cell of ["", "*", "{x", "x".repeat(30_000)]) {
        const isRead = name === "neighbourhood_cleansed" && cell === "{x";
        const isFine = cell === "" ? mayBeEmpty : (isText && cell.length < 100) || isRead;
        const { notices } = read({ [name]: cell });
        expect([name, cell.slice(0, 9), notices.length > 0]).toEqual([
          name,
          cell.slice(0, 9),
          !isFine,
        ]);
      }
    },
  );

  test.each(essential)("is none without %s", (name) => {
    for (const cell of ["", "?", "9.1E+17", "*"]) {
      if (name === "accommodates" && cell === "9.1E+17") continue;
      expect(() => read({ [name]: cell })).toThrow(RowFault);
    }
  });

  test("says that an id was rounded, however a spreadsheet program writes it", () => {
    for (const draw of draws()) {
      const digits = draw.one(["", ".2", ",2", ".20000", ",0012"]);
      const id = `9${digits}${draw.one(["E", "e"])}${draw.one(["", "+"])}${draw.integer(9, 18)}`;
      expect(() => read({ id })).toThrow(/spreadsheet/);
      expect(() => read({ host_id: id })).toThrow(/spreadsheet/);
    }
  });

  test("is none at 0, 0, but may lie on the equator or on the meridian of Greenwich", () => {
    for (const zero of ["0", "0.0", "-0", "0e5"]) {
      expect(() => read({ latitude: zero, longitude: "0.00" })).toThrow(/stands for no place/);
      expect(read({ latitude: zero }).listing).toMatchObject({ longitude: -8.6 });
      expect(read({ longitude: zero }).listing).toMatchObject({ latitude: 41.1 });
    }
  });

  test("has the same amenities as JSON and as files until 2019 write them", () => {
    const letters = [
      "a",
      "TV",
      " ",
      '"',
      "\\",
      ",",
      "{",
      "}",
      "\u2019",
      "\u{1f30a}",
      "-",
      "/",
      "N",
    ];
    const bare = (text: string): string =>
      /^[A-Za-z-][\w /-]*$/.test(text) && text.trim() === text
        ? text
        : `"${text.replace(/["\\]/g, "\\$&")}"`;
    for (const draw of draws()) {
      const list = Array.from({ length: draw.integer(0, 9) }, () =>
        draw.integer(0, 1) === 0
          ? draw.one(["TV", "Cable TV", "Wifi", '32" HDTV', "Pack \u2019n Play/travel crib"])
          : Array.from({ length: draw.integer(1, 6) }, () => draw.one(letters)).join(""),
      );
      const [json, old] = [JSON.stringify(list), `{${list.map(bare).join(",")}}`].map((text) =>
        read({ amenities: text }),
      );
      expect([list, old]).toEqual([list, json]);
      expect(old?.notices).toEqual([]);
    }
    expect(read({ amenities: '{TV,"Cable TV",Wifi}' }).listing.amenityCodes).toEqual([
      "tv",
      "wifi",
    ]);
  });

  test("keeps every sign of a title and of prose that is no tag", () => {
    const words =
      "<Monthly $500>|<3|2 < 3|a<b|>|<|<->|<Sunny>|b>a|<b|</i|<=>|<A> room|&|& co|$|< b >|*".split(
        "|",
      );
    for (const draw of draws()) {
      const text = Array.from({ length: draw.integer(1, 6) }, () => draw.one(words)).join(" ");
      expect(plainLine(text)).toBe(text);
      expect(plainText(text)).toBe(text);
      expect(plainText(`<p>${text}</p><em>new</em><br />end`)).toBe(`${text}\nnew\nend`);
    }
    expect(read({ name: "<Monthly $500> Cosy room" }).listing.title).toBe(
      "<Monthly $500> Cosy room",
    );
  });

  test("notes which texts are cut, and only then", () => {
    for (const [name, most] of [
      ["name", 200],
      ["host_name", 80],
      ["host_about", 5000],
      ["description", 20_000],
      ["neighbourhood_cleansed", 300],
    ] as const) {
      for (const letter of ["x", "\u{1d4b3}"]) {
        expect(read({ [name]: letter.repeat(most) }).notices).toEqual([]);
        expect(read({ [name]: letter.repeat(most + 1) }).notices).toEqual([
          { kind: "cut", text: expect.stringContaining(`cut to ${most} characters`) },
        ]);
      }
    }
  });
});

describe("an import that does not come to its end", () => {
  /**
   * Begins to import a street of twelve and runs `task` when the first four listings are written
   * and the next four, one on each connection, are held up; then lets them go.
   */
  async function midway(dir: string, ids: string, task: () => unknown, stop: AbortController) {
    const client = await database.owner.connect();
    try {
      await client.query(
        `select pg_advisory_lock(hashtextextended('import_listing/inside-airbnb/' || $1 || n, 0))
         from generate_series(5, 8) n`,
        [ids],
      );
      const running = run(dir, { city: ids }, stop);
      const settled = running.catch(() => {});
      await untilHeldUp(4);
      await task();
      await client.query("select pg_advisory_unlock_all()");
      await settled;
      return running;
    } finally {
      await client.query("select pg_advisory_unlock_all()");
      client.release();
    }
  }

  async function untilHeldUp(count: number): Promise<void> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const [found] = await rows(
        `select count(*)::integer as count from pg_locks k
         join pg_database d on d.oid = k.database and d.datname = current_database()
         where k.locktype = 'advisory' and not k.granted`,
      );
      if (found?.count === count) return;
      if (Date.now() > deadline) throw new Error("The import is not held up.");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  test("for it was stopped finishes what it is at, and a second run does the rest", async () => {
    const dir = await street("51000", 12);
    const stop = new AbortController();
    const stopped = await midway(dir, "51000", () => stop.abort(), stop);
    expect(stopped).toMatchObject({ created: 8, skipped: 0, isStopped: true, exitCode: 130 });
    expect(stopped.text).toContain("Stopped after 8 of 12 rows");
    expect(await run(dir, { city: "51000" })).toMatchObject({
      created: 4,
      unchanged: 8,
      isStopped: false,
      exitCode: 3,
    });
  });

  test("for the database failed says so, and a second run does the rest", async () => {
    const dir = await street("52000", 12);
    const end = (): Promise<unknown> =>
      database.pool.query(
        `select pg_terminate_backend(a.pid) from pg_stat_activity a
         where a.datname = current_database() and a.application_name = 'staybase-import'`,
      );
    await expect(midway(dir, "52000", end, new AbortController())).rejects.toMatchObject({
      name: "DatabaseCommandError",
      message: expect.stringMatching(/failed after 4 listings.*again/),
    });
    expect(await run(dir, { city: "52000" })).toMatchObject({ created: 8, unchanged: 4 });
  });

  test("for one row goes on with the others when the database refuses it", async () => {
    const dir = await street("53000", 4);
    const path = join(dir, "listings.csv");
    const csv = await readFile(path, "utf8");
    await writeFile(path, csv.replace(/^(530002,.*)Two baths shared/m, "$1Not here"));
    await database.owner.query(
      "alter table app_public.listings add constraint not_here check (title <> 'Not here')",
    );
    try {
      const result = await run(dir, { city: "53000" });
      expect(result).toMatchObject({ created: 3, skipped: 1, exitCode: 3 });
      expect(result.text).toMatch(
        /listings row 2 \(id 530002\): the database refuses it:.*not_here/,
      );
    } finally {
      await database.owner.query("alter table app_public.listings drop constraint not_here");
    }
    expect(await run(dir, { city: "53000" })).toMatchObject({ created: 1, unchanged: 3 });
  });
});

describe("an unfit input", () => {
  const count = async (): Promise<unknown> =>
    (await rows("select count(*)::integer as count from app_public.listings"))[0]?.count;

  const cases: [string, (csv: string) => string | Buffer, RegExp][] = [
    ["that is empty", () => "", /is empty/],
    ["with a header alone", (csv) => csv.slice(0, csv.indexOf("\n") + 1), /no rows/],
    ["with a quote that is not closed", (csv) => `${csv}1,"x\n`, /broken CSV.*never closed/],
    ["with a quote inside", (csv) => csv.replace('"[""Wifi"",', '"["Wifi"",'), /broken CSV/],
    ["with a short row", (csv) => `${csv}1,2,3\n`, /broken CSV.*columns/],
    ["that is not UTF-8", (csv) => Buffer.from(csv, "latin1"), /not UTF-8/],
    ["that is UTF-16", (csv) => Buffer.from(`\ufeff${csv}`, "utf16le"), /UTF-16/],
    ["with semicolons", (csv) => csv.replaceAll(",", ";"), /semicolons/],
    ["with semicolons and quotes", (csv) => csv.replace(/(\w+),/g, '"$1";'), /semicolons/],
    ["with tabs", (csv) => csv.replaceAll(",", "\t"), /tabs/],
    ["that is a pointer", () => POINTER, /Git LFS.*git lfs pull/],
    ["that is a web page", () => "<!DOCTYPE html>\n<html><body>Not found", /web page/],
    ["that is an error of a store", () => '<?xml version="1.0"?><Error/>', /web page/],
    ["that is an archive", () => "PK\u0003\u0004\u0014\0\0", /zip archive/],
    [
      "that lacks columns",
      (csv) => csv.replace(",room_type,", ",kind,").replace(",price,", ",cost,"),
      /lacks the columns room_type, price/,
    ],
  ];
  test.each(cases)(
    "%s is refused in one sentence before anything is written",
    async (name, change, says) => {
      const before = await count();
      const dir = await city(name.replaceAll(" ", "-"), change);
      await expect(run(dir)).rejects.toMatchObject({
        name: "DatabaseCommandError",
        message: expect.stringMatching(says),
      });
      expect(await count()).toBe(before);
    },
  );

  test("that is missing, not gzip or cut off is refused", async () => {
    await expect(openCity(join(folder, "nowhere"))).rejects.toThrow("There is no folder");
    const [none, plain, cut] = [await city("none"), await city("plain"), await city("cut")];
    const csv = await readFile(join(none, "listings.csv"));
    await Promise.all([none, plain, cut].map((dir) => rm(join(dir, "listings.csv"))));
    await expect(openCity(none)).rejects.toThrow("no listings.csv.gz");
    await writeFile(join(plain, "listings.csv.gz"), csv);
    await expect(openCity(plain)).rejects.toThrow("is not gzip");
    await writeFile(join(plain, "listings.csv.gz"), POINTER);
    await expect(openCity(plain)).rejects.toThrow("is a pointer of Git LFS");
    await writeFile(join(plain, "listings.csv.gz"), gzipSync(csv.toString().replaceAll(",", ";")));
    await expect(openCity(plain)).rejects.toThrow("semicolons");
    await writeFile(join(cut, "listings.csv.gz"), gzipSync(csv).subarray(0, -40));
    await expect(run(cut)).rejects.toThrow("is cut off");
  });

  test("with a broken calendar changes nothing", async () => {
    const before = await count();
    const dir = await city("broken-calendar");
    const path = join(dir, "calendar.csv");
    await writeFile(path, `${await readFile(path, "utf8")}1,2\n`);
    await expect(run(dir, { city: "Broken" })).rejects.toThrow("calendar.csv is broken CSV");
    expect(await count()).toBe(before);
  });

  test("on the command line is refused", () => {
    expect(readOptions(["--help"])).toBeUndefined();
    for (const args of [[], ["a", "b"], ["a", "--what"], ["a", "--country", "ZZ"]]) {
      expect(() => readOptions(args)).toThrow();
    }
    for (const option of ["--city", "--region"]) {
      expect(() => readOptions(["a", option, "*"])).toThrow(option);
    }
    for (const option of ["--time-zone", "--currency", "--booking-mode"]) {
      expect(() => readOptions(["a", option, "nothing/known"])).toThrow(option);
    }
  });
});

describe("the parts", () => {
  test("every amenity code is in the catalogue, and spellings lead there", async () => {
    const known = (await rows("select code from app_public.amenities")).map(({ code }) => code);
    expect(AMENITY_CODES.filter((code) => !known.includes(code))).toEqual([]);
    const led = (name: string): string => amenityCodes(name).join(" ");
    expect(led("Free washer \u2013 In unit")).toBe("washer");
    expect(led("Pack \u2019n play/Travel crib - always at the listing")).toBe("cot");
    expect(led("Shared outdoor pool - available seasonally, heated")).toBe("pool");
    expect(led("Frigidaire  refrigerator")).toBe("refrigerator");
    expect(led("Private backyard \u2013 Fully fenced")).toBe("garden");
    expect(led("Paid parking garage off premises")).toBe("paid_parking");
    expect(led("TV with Roku, standard cable")).toBe("tv");
    for (const name of ["Pool view", "Free street parking", "Hot water kettle", "Baby bath", ""]) {
      expect(led(name)).toBe("");
    }
  });

  test("prices are exact in each currency's minor unit", () => {
    const [yen, euro] = [0, 2].map((exponent) => ({ exponent, chargeStep: 1 })) as [Minor, Minor];
    expect(parsePrice("$1,234.00", euro)).toBe(123400);
    expect(parsePrice("$0.29", euro)).toBe(29);
    expect(parsePrice("$1,234.50", yen)).toBe(1235);
    expect(parsePrice("12.345", { exponent: 3, chargeStep: 1 })).toBe(12345);
    const dinar = { exponent: 3, chargeStep: 10 };
    expect(
      ["12", "12.344", "12.345", "12.9949", "12.995"].map((text) => parsePrice(text, dinar)),
    ).toEqual([12000, 12340, 12350, 12990, 13000]);
    expect(parsePrice("", euro)).toBeNull();
    for (const text of ["$", "-$5.00", "12,34", "1e3", "NaN"]) {
      expect(parsePrice(text, euro)).toBeUndefined();
    }
  });

  test("numbers may be written with an exponent", () => {
    expect(parseNumber("5e-05")).toBe(0.000_05);
    expect(parseNumber("-1.25E+1")).toBe(-12.5);
    for (const text of ["", "e5", "5e", "5e999", "0x10", "1,5"]) {
      expect(parseNumber(text)).toBeUndefined();
    }
  });

  test("each currency that is traded has its countries, and a country one currency", async () => {
    const codes = (await rows("select code from app_public.currencies order by code")).map(
      ({ code }) => code,
    );
    expect(Object.keys(COUNTRIES_OF).sort()).toEqual(codes);
    const countries = Object.values(COUNTRIES_OF).flatMap((list) => list.split(" "));
    expect(new Set(countries).size).toBe(countries.length);
  });

  test("the currency is what is said, else the country's, else it has to be said", () => {
    const traded = ["EUR", "USD"].map((code) => ({ code, exponent: 2, chargeStep: 1 }));
    expect(chooseCurrency(traded, undefined, "PT").currency.code).toBe("EUR");
    expect(chooseCurrency(traded, "USD", "PT")).toMatchObject({ why: "--currency" });
    for (const [said, country] of [
      [undefined, "AR"],
      [undefined, "JP"],
      ["JPY", "PT"],
    ] as const) {
      expect(() => chooseCurrency(traded, said, country)).toThrow(/--currency.*EUR, USD/);
    }
  });

  test("a calendar begins where most listings do", () => {
    const store = new CalendarStore();
    expect(store.usualFirstDay).toBeUndefined();
    for (const [id, days] of [
      ["early", [12, 9]],
      ["one", [11, 10, 12]],
      ["other", [10]],
    ] as const) {
      for (const day of days) store.add(id, 20_000 + day, "blocked", null);
    }
    expect(store.firstDay).toBe(20_009);
    expect(store.usualFirstDay).toBe(20_010);
  });

  test("HTML becomes plain text, and odd characters do not get through", () => {
    expect(plainText("a<br/>b<p>c</p>d &lt;i&gt; &#8211; &unknown; 3 < 4")).toBe(
      "a\nbc\nd <i> \u2013 &unknown; 3 < 4",
    );
    expect(plainText("x\u0000y\ud800")).toBe("xy\ufffd");
    expect(shorten(plainLine("👩‍🚀🌊🌊 a\n b"), 4)).toBe("👩‍🚀🌊");
    for (const blank of ["\u200b", " \u00ad\ufeff ", "\u202e\u3164"])
      expect(plainLine(blank)).toBe("");
    expect(parseBathrooms("Shared half-bath")).toBe(0.5);
    expect(parseBathrooms("2.5 baths")).toBe(2.5);
    expect(parseBathrooms("none")).toBeUndefined();
  });

  test("places are read from what hosts write, in a country of the time zone", () => {
    expect(parsePlace("Albany, NY")).toEqual({ city: "Albany", region: "NY", countryCode: "US" });
    expect(parsePlace("Cambridge, Massachusetts, United States")?.region).toBe("Massachusetts");
    expect(parsePlace("Neighborhood highlights")).toBeUndefined();
    for (const sign of ["*", "-", ".", "", "\u2605", "??"]) {
      expect(parsePlace(`Antwerp, ${sign}, Belgium`)).toMatchObject({ region: null });
      expect(parsePlace(`${sign}, Flanders, Belgium`)).toBeUndefined();
    }
    const votes = new PlaceVotes();
    for (const text of ["Paris, France", "Paris, France", "Lyon, France", "Ghent, Belgium"]) {
      votes.add([text], 3.72, 51.05);
    }
    const guess = votes.guess("/somewhere");
    expect(guess).toMatchObject({ city: "Ghent", countryCode: "BE", timeZone: "Europe/Brussels" });
    const silent = new PlaceVotes();
    silent.add([""], 103.8, 1.35);
    expect(silent.guess("/cities/little-india/2024-06-01/data").city).toBe("Little India");
  });

  test("a calendar that does not fit into memory gives the same nights", () => {
    const [small, large] = [new CalendarStore(3), new CalendarStore()];
    const day = parseDay("2024-06-01") ?? 0;
    for (let step = 0; step < 700; step += 1) {
      const [id, at] = [String(step % 7), day + ((step * 37) % 100)];
      for (const store of [small, large])
        store.add(id, at, at % 5 < 2 ? "blocked" : "free", 100 + (at % 3));
    }
    try {
      expect(small.hasSpilled).toBe(true);
      expect(large.hasSpilled).toBe(false);
      for (const id of ["0", "3", "6", "none"]) {
        expect(nightsOf(small.runsOf(id), 100, 5)).toEqual(nightsOf(large.runsOf(id), 100, 5));
      }
      expect(nightsOf(large.runsOf("0"), 100, 0).blockedCount).toBe(40);
    } finally {
      small.close();
    }
  });
});

const realCity = existsSync(ALBANY) ? test : test.skip;
realCity(
  `a real city comes whole within 20 s and 300 MB, and again unchanged (needs ${ALBANY})`,
  async () => {
    const startedAt = performance.now();
    const text = await command(ALBANY, "--shift-to-today");
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(text).toContain("Albany, NY, US");
    expect(text).toContain("America/New_York");
    expect(text).toContain("USD (that of US");
    expect(text).toMatch(/On request.*: 327 listings/);
    expect(text).toContain("Listings: 421 created, 0 updated, 0 unchanged, 0 skipped.");
    expect(text).toContain("57,673 nights blocked");
    expect(Number(/and (\d+) MB at most/.exec(text)?.[1])).toBeLessThan(300);
    const again = await run(ALBANY, { shiftToToday: true });
    expect(again).toMatchObject({ unchanged: 421, updated: 0 });
  },
);

/**
 * What the command prints, as a process of its own, so that the memory it tells is its own. Linux
 * hands the peak of who starts a process down to it, so a small shell stands between.
 */
async function command(...args: string[]): Promise<string> {
  const script = '"$@"; exit $?';
  const node = [process.execPath, "--max-semi-space-size=4", COMMAND, ...args];
  const child = spawn("sh", ["-c", script, "sh", ...node], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: database.url, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise((done, failed) => child.on("close", done).on("error", failed));
  expect(code).toBe(0);
  return text;
}
