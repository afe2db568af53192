/**
 * The order of locks: an import and its host's own edit of one listing meet, and both go through.
 * The control takes the listing's lock away from the import, which is how it was once: then each
 * waits for what the other has, and the database ends one of them.
 */
import { afterEach, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  become,
  processOf,
  refusal,
  text,
  untilBlocked,
  withRival,
} from "../../helpers/factories.ts";

const database = testDatabase();

const DEADLOCK = "40P01";
const NOT_REFUSED = "it was not refused";

/** What an import says of one listing; `title` makes it differ from the last time. */
const LISTING = (title: string): string =>
  JSON.stringify({
    externalId: "900",
    host: { externalId: "1", displayName: "Hana" },
    title,
    description: "With a garden and a view.",
    houseRules: "No parties.",
    type: "entire_home",
    maxGuests: 4,
    bedrooms: 1,
    beds: 2,
    bathrooms: 1,
    minNights: 1,
    maxNights: 30,
    bookingMode: "instant",
    street: "Main Street 1",
    city: "Lisbon",
    countryCode: "PT",
    timeZone: "Europe/Lisbon",
    longitude: -9.14,
    latitude: 38.71,
    rates: { currency: "EUR", nightlyAmount: 10_000 },
    photoUrls: ["https://example.com/1.jpg"],
    amenityCodes: [],
    blockedNights: [],
    datedRates: [],
    reviewScores: null,
  });

const IMPORT = "select app_private.import_listing('elsewhere', $1) as outcome";

/** How the host changes the listing: the first edit locks its row, the second its units too. */
const EDITS = {
  title: "update app_public.listings set title = 'A house by the sea' where id = $1",
  restrictions: "update app_public.listings set min_nights = min_nights + 1 where id = $1",
};

/** The host has locked the listing, the import waits, the host goes on to the units. */
async function meet(): Promise<readonly [host: string, importer: string]> {
  await asServer(database, IMPORT, [LISTING("The first title")]);
  const found = await asOwner(
    database,
    `select l.id, l.host_id from app_private.imported_listings i
     join app_public.listings l on l.id = i.listing_id where i.external_id = '900'`,
  );
  const listingId = text(found, "id");
  return withRival(database, async (host, importer) => {
    await become(database, host, text(found, "host_id"));
    const importerProcess = await processOf(importer);
    await host.query(EDITS.title, [listingId]);
    const importing = refusal(importer.query(IMPORT, [LISTING(`Title ${Date.now()}`)]));
    await untilBlocked(database, importerProcess);
    const editing = await refusal(host.query(EDITS.restrictions, [listingId]));
    await host.query(editing === DEADLOCK ? "rollback" : "commit");
    return [editing, await importing];
  });
}

afterEach(async () => {
  await asOwner(database, "delete from app_private.imported_listings");
});

test("an import and the host's edit of the same listing take turns", async () => {
  expect(await meet()).toEqual([NOT_REFUSED, NOT_REFUSED]);
});

test("would be found out when the import locked the units before the listing", async () => {
  await asOwner(
    database,
    `create or replace function app_hidden.lock_listing(listing_id uuid)
       returns app_public.listings language sql volatile security definer
       set search_path = pg_catalog, pg_temp
     as $$ select l.* from app_public.listings l where l.id = lock_listing.listing_id $$`,
  );
  expect(await meet()).toContain(DEADLOCK);
});
