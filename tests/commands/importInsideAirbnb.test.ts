/**
 * Imports invented rows in the format of Inside Airbnb, and a real city where its files are beside
 * the repository. What import_listing does with bookings of ours is tested with the database.
 */
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { AMENITY_CODES, amenityCodes } from "../../src/commands/import/amenities.ts";
import { CalendarStore, nightsOf, parseDay } from "../../src/commands/import/calendar.ts";
import { importCity, openCity } from "../../src/commands/import/insideAirbnb.ts";
import { parseBathrooms } from "../../src/commands/import/listing.ts";
import { type ImportOptions, readOptions } from "../../src/commands/import/options.ts";
import { PlaceVotes, parsePlace } from "../../src/commands/import/place.ts";
import { parsePrice, plainLine, plainText, slug } from "../../src/commands/import/text.ts";
import { testDatabase } from "../helpers/database.ts";

const FIXTURES = fileURLToPath(new URL("fixtures/inside-airbnb", import.meta.url));
const ALBANY = resolve("../shared/data/inside-airbnb/albany");

const database = testDatabase();
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "staybase-import-test-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A copy of the fixtures in a folder of that name, changed by `change`. */
async function city(name: string, change?: (csv: string) => string | Buffer): Promise<string> {
  const dir = join(folder, name);
  await cp(FIXTURES, dir, { recursive: true });
  const path = join(dir, "listings.csv");
  if (change !== undefined) await writeFile(path, change(await readFile(path, "utf8")));
  return dir;
}

async function run(dir: string, options: Partial<ImportOptions> = {}, stopped = false) {
  const lines: string[] = [];
  const stop = new AbortController();
  if (stopped) stop.abort();
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
    expect(result).toMatchObject({ created: 4, updated: 0, skipped: 3, exitCode: 0 });
    expect(result.source).toBe("inside-airbnb:porto");
    expect(result.text).toMatch(/listings row 4 \(id 1000000000000000004\): .*Castle/);
    expect(result.text).toMatch(/listings row 5 .*same id/);
    expect(result.text).toMatch(/listings row 7 .*on earth/);
    expect(result.text).toMatch(/calendar row 12: .*2024-06-31/);
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
       where i.source = 'inside-airbnb:porto' order by i.external_id`,
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
       where h.source = 'inside-airbnb:porto' order by h.external_id`,
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
      currency: "USD",
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
       where i.source = 'inside-airbnb:porto' order by 1, c.nights`,
    );
    expect(claims).toEqual([
      { external_id: "1000000000000000001", nights: "[2024-06-03,2024-06-04)" },
      { external_id: "1000000000000000003", nights: "[2024-06-01,2024-06-04)" },
      { external_id: "1000000000000000003", nights: "[2024-06-05,2024-06-06)" },
      { external_id: "1000000000000000005", nights: "[2024-06-01,2024-06-02)" },
    ]);
    const rates = await rows(
      `select d.nights::text, d.nightly_amount::integer as amount from app_public.dated_rates d
       join app_private.imported_listings i on i.listing_id = d.listing_id
       where i.source = 'inside-airbnb:porto' order by d.nights`,
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

  test("begins today with --shift-to-today, and options decide over guesses", async () => {
    const options = readOptions(
      [FIXTURES, "--shift-to-today", "--city", "São João", "--region", "Norte"].concat(
        ["--country", "Portugal", "--time-zone", "Atlantic/Azores", "--currency", "jpy"],
        ["--booking-mode", "instant"],
      ),
    );
    const result = await run(FIXTURES, options);
    expect(result).toMatchObject({ created: 4, source: "inside-airbnb:sao-joao" });
    const [found] = await rows(
      `select min(lower(c.nights)) = (app_hidden.clock() at time zone 'Atlantic/Azores')::date as today,
         bool_and(l.booking_mode = 'instant' and l.region = 'Norte' and l.country_code = 'PT') as said,
         max(r.nightly_amount)::integer as highest
       from app_private.imported_listings i
       join app_public.listings l on l.id = i.listing_id
       left join app_public.listing_rates r on r.listing_id = l.id
       left join app_public.calendar_claims c on c.listing_id = l.id
       where i.source = 'inside-airbnb:sao-joao'`,
    );
    expect(found).toEqual({ today: true, said: true, highest: 1235 });
  });

  test("that is imported twice at the same time is there once", async () => {
    const twins = await Promise.all([1, 2].map(() => run(FIXTURES, { city: "Twin" })));
    expect(twins.map(({ skipped }) => skipped)).toEqual([3, 3]);
    expect(twins.reduce((sum, { created }) => sum + created, 0)).toBe(4);
    const [count] = await rows(
      `select count(*)::integer as listings from app_public.listings where city = 'Twin'`,
    );
    expect(count).toEqual({ listings: 4 });
  });

  test("without a calendar says so and blocks nothing", async () => {
    const dir = await city("uncalendared");
    await rm(join(dir, "calendar.csv"));
    const result = await run(dir, { city: "Free" });
    expect(result).toMatchObject({ created: 4, blockedNights: 0, datedRates: 0 });
    expect(result.text).toContain("no calendar.csv.gz");
  });

  test("of which no row can be written gives exit code 2", async () => {
    const dir = await city("castles", (csv) =>
      csv.replace(/Entire home\/apt|Private room/g, "Tent"),
    );
    expect(await run(dir, { city: "Tents" })).toMatchObject({ created: 0, exitCode: 2 });
  });

  test("that is stopped has exit code 130 and nothing half done", async () => {
    const result = await run(FIXTURES, { city: "Stopped" }, true);
    expect(result).toMatchObject({ created: 0, isStopped: true, exitCode: 130 });
    expect(await rows("select from app_public.listings where city = 'Stopped'")).toEqual([]);
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
      const dir = await city(slug(name), change);
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
    expect(parsePrice("$1,234.00", 2)).toBe(123400);
    expect(parsePrice("$0.29", 2)).toBe(29);
    expect(parsePrice("$1,234.50", 0)).toBe(1235);
    expect(parsePrice("12.345", 3)).toBe(12345);
    expect(parsePrice("", 2)).toBeNull();
    for (const text of ["$", "-$5.00", "12,34", "1e3", "NaN"]) {
      expect(parsePrice(text, 2)).toBeUndefined();
    }
  });

  test("HTML becomes plain text, and odd characters do not get through", () => {
    expect(plainText("a<br/>b<p>c</p>d &lt;i&gt; &#8211; &unknown; 3 < 4", 99)).toBe(
      "a\nbc\nd <i> \u2013 &unknown; 3 < 4",
    );
    expect(plainText("x\u0000y\ud800", 99)).toBe("xy\ufffd");
    expect(plainLine("👩‍🚀🌊🌊 a\n b", 4)).toBe("👩‍🚀🌊");
    expect(parseBathrooms("Shared half-bath")).toBe(0.5);
    expect(parseBathrooms("2.5 baths")).toBe(2.5);
    expect(parseBathrooms("none")).toBeUndefined();
  });

  test("places are read from what hosts write, in a country of the time zone", () => {
    expect(parsePlace("Albany, NY")).toEqual({ city: "Albany", region: "NY", countryCode: "US" });
    expect(parsePlace("Cambridge, Massachusetts, United States")?.region).toBe("Massachusetts");
    expect(parsePlace("Neighborhood highlights")).toBeUndefined();
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
      for (const store of [small, large]) store.add(id, at, at % 5 < 2, 100 + (at % 3));
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
realCity(`a real city comes whole within 20 s, and again unchanged (needs ${ALBANY})`, async () => {
  const startedAt = performance.now();
  const result = await run(ALBANY, { shiftToToday: true });
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  expect(result).toMatchObject({ created: 421, skipped: 0, blockedNights: 57_673 });
  expect(result.text).toContain("Albany, NY, US");
  expect(result.text).toContain("America/New_York");
  expect(await run(ALBANY, { shiftToToday: true })).toMatchObject({ unchanged: 421, updated: 0 });
});
