/**
 * A migration meets databases that people have worked in: here one is built by the first migration,
 * filled by the functions of that time, and brought to today. What only goes wrong with rows in the
 * tables (a null that is there already, a trigger that waits) is found here.
 */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { calculateHash } from "graphile-migrate/dist/hash.js";
import { migrate } from "../../src/commands/db/migrate.ts";
import { MIGRATIONS_FOLDER } from "../../src/commands/shared/settings.ts";
import { openTestDatabase, testDatabase } from "../helpers/database.ts";
import { COMMITTED_FOLDER, sqlFiles } from "./files.ts";

const FIRST = "000001-the-first-stay.sql";

const database = testDatabase({ empty: true });
let folder: string;

const IMPORT = `
  select app_private.import_listing($1, jsonb_build_object(
    'externalId', $2::text,
    'host', jsonb_build_object('externalId', '1', 'displayName', 'Hana'),
    'title', 'A house', 'description', 'With a garden.', 'type', 'entire_home',
    'maxGuests', 4, 'bedrooms', 1, 'beds', 2, 'bathrooms', 1, 'minNights', 1, 'maxNights', 30,
    'bookingMode', 'instant', 'street', 'Main Street 1', 'city', 'Lisbon', 'countryCode', 'PT',
    'timeZone', 'Europe/Lisbon', 'longitude', -9.14, 'latitude', 38.71,
    'rates', jsonb_build_object('currency', 'EUR', 'nightlyAmount', 10000),
    'photoUrls', jsonb_build_array('https://example.com/1.jpg'), 'amenityCodes', '[]'::jsonb,
    'blockedNights', jsonb_build_array(
      daterange(current_date + 60, current_date + 63)::text),
    'datedRates', jsonb_build_array(jsonb_build_object(
      'nights', daterange(current_date + 30, current_date + 40)::text, 'nightlyAmount', 15000)),
    'reviewScores', jsonb_build_object('reviewCount', 200)
  ))`;

const GUEST = `
  with guest as (insert into app_public.users (display_name) values ('Gus') returning id)
  select set_config('staybase.user_id', id::text, true) from guest`;

/** Two stays of one guest: one offered, one booked with a payment begun. */
const STAYS = `
  select app_public.create_quote(listing_id, current_date + 29, current_date + 33, 2)
  from app_private.imported_listings;
  select app_private.begin_payment((app_public.create_booking(
    (app_public.create_quote(listing_id, current_date + 10, current_date + 13, 2)).id, 'a-key-of-mine'
  )).id)
  from app_private.imported_listings where external_id = '901'`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "staybase-first-"));
  await cp(MIGRATIONS_FOLDER, folder, { recursive: true });
  for (const { path } of await sqlFiles(COMMITTED_FOLDER)) {
    if (path !== FIRST) await rm(join(folder, "committed", path));
  }
  expect((await migrate(database.config, { migrationsFolder: folder })).ran).toEqual([FIRST]);
  const client = await database.owner.connect();
  try {
    await client.query("begin");
    await client.query(IMPORT, ["inside-airbnb:lisbon", "900"]);
    await client.query(IMPORT, ["inside-airbnb:portugal", "900"]);
    await client.query(IMPORT, ["inside-airbnb:portugal", "901"]);
    await client.query(GUEST);
    await client.query(STAYS);
    await client.query("commit");
  } finally {
    client.release();
  }
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a database of the first migration, with rows in it", () => {
  test("is brought to today", async () => {
    const { ran } = await migrate(database.config);
    const files = (await sqlFiles(COMMITTED_FOLDER)).map(({ path }) => path);
    expect([FIRST, ...ran]).toEqual(files);
  });

  test.each(["calendar_drift", "pricing_drift", "search_drift", "ledger_drift"])(
    "has nothing to say in %s()",
    async (check) => {
      expect((await database.owner.query(`select * from app_private.${check}()`)).rows).toEqual([]);
    },
  );

  test("would not take a migration that only an empty one takes (negative control)", async () => {
    const committed = await sqlFiles(COMMITTED_FOLDER);
    const previous = /^--! Hash: (\S+)/m.exec(committed.at(-1)?.text ?? "")?.[1] ?? "";
    const body = `update app_public.quotes set expires_at = expires_at;
alter table app_public.quotes alter column guests set not null;`;
    const hash = calculateHash(body, previous);
    await cp(join(MIGRATIONS_FOLDER, "committed"), join(folder, "committed"), { recursive: true });
    await writeFile(
      join(folder, "committed", `${String(committed.length + 1).padStart(6, "0")}-bad.sql`),
      `--! Previous: ${previous}\n--! Hash: ${hash}\n\n${body}\n`,
    );
    const options = { migrationsFolder: folder };
    await expect(migrate(database.config, options)).rejects.toThrow(/pending trigger events/);
    const empty = await openTestDatabase({ empty: true });
    try {
      await expect(migrate(empty.config, options)).resolves.toBeDefined();
    } finally {
      await empty.dispose();
    }
  });

  test("has what the migrations had to fill", async () => {
    const { rows } = await database.owner.query(`
      select
        (select count(*)::integer from app_hidden.listing_availability) as units,
        (select count(*)::integer from app_hidden.listing_availability
          where nightly_amount = 10000 and charge_step = 1 and has_dated_rates) as priced,
        (select count(*)::integer from app_public.quotes
          where cancellation_policy = 'moderate') as quotes,
        (select array_agg(source || '/' || external_id order by source, external_id)
          from app_private.imported_listings) as imported`);
    expect(rows).toEqual([
      {
        units: 3,
        priced: 3,
        quotes: 4,
        imported: ["inside-airbnb/900", "inside-airbnb/901", expect.stringMatching(/:.*\/900$/)],
      },
    ]);
  });
});
