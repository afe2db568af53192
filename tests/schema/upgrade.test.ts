/**
 * A migration meets databases that people have worked in: here one is built by the first migration,
 * filled by the functions of that time with bookings in each state, payments, refunds, a ledger,
 * mails and jobs, and brought to today. What only goes wrong with rows in the tables (a null that
 * is there already, a trigger that waits, a job that nobody knows any more) is found here.
 */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { domainToASCII } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { calculateHash } from "graphile-migrate/dist/hash.js";
import { migrate } from "../../src/commands/db/migrate.ts";
import { MIGRATIONS_FOLDER } from "../../src/commands/shared/settings.ts";
import { formerJobs, jobs } from "../../src/jobs/index.ts";
import { openTestDatabase, testDatabase } from "../helpers/database.ts";
import { stopClock } from "../helpers/factories.ts";
import { COMMITTED_FOLDER, sqlFiles } from "./files.ts";

const FIRST = "000001-the-first-stay.sql";

const FIRST_LEDGER = {
  accounts: "app_public.ledger_accounts",
  entries: "app_public.ledger_entries",
};

// The names of today for what the first release made. A migration that renames something changes its
// line here, and nothing below.
const TODAY = {
  drifts: ["calendar_drift", "pricing_drift", "search_drift", "ledger_drift"],
  bookings: "app_public.bookings",
  payments: "app_public.payments",
  refunds: "app_public.refunds",
  mails: "app_private.mails",
  ledger: { accounts: "app_public.ledger_accounts", entries: "app_public.ledger_entries" },
  /** The kinds of ledger accounts that have another name now. */
  accountKinds: { guest_clearing: "guest_payable" } as Readonly<Record<string, string>>,
};

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

/** One stay is offered for each listing. */
const OFFERS = `
  select app_public.create_quote(listing_id, current_date + 29, current_date + 33, 2)
  from app_private.imported_listings`;

let guestId: string;

/** A statement of the first release in a transaction of its own, as the guest; its one value. */
async function ask(text: string, values: unknown[] = []): Promise<string> {
  const client = await database.owner.connect();
  try {
    await client.query("begin");
    await client.query("select set_config('staybase.user_id', $1, true)", [guestId]);
    const { rows } = await client.query<Record<string, unknown>>(text, values);
    await client.query("commit");
    return String(Object.values(rows[0] ?? {})[0]);
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

/** A booking of the nights so many days from today, known by its key from here on. */
function book(key: string, from: number, to: number): Promise<string> {
  return ask(
    `select (app_public.create_booking(
       (app_public.create_quote(listing_id, current_date + $1::integer,
         current_date + $2::integer, 2)).id, $3)).id
     from app_private.imported_listings where external_id = '901'`,
    [from, to, `key-of-${key}`],
  );
}

async function beginPayment(key: string, bookingId: string): Promise<void> {
  const id = await ask("select (app_private.begin_payment($1)).id", [bookingId]);
  await ask("select app_private.attach_payment_intent($1, $2)", [id, `pi_${key}`]);
}

function report(key: string, status: string): Promise<string> {
  return ask(
    `select app_private.apply_payment_intent($1, p.id, $2,
       case $2 when 'succeeded' then p.amount else 0 end,
       case $2 when 'succeeded' then 'ch_' || $1 end, null)
     from app_public.payments p where p.stripe_payment_intent_id = $1`,
    [`pi_${key}`, status],
  );
}

async function bookAndPay(key: string, from: number, to: number): Promise<void> {
  await beginPayment(key, await book(key, from, to));
  expect(await report(key, "succeeded")).toBe("confirmed");
}

/** One booking in each state that the first release knows, with what hangs on it. */
async function fill(): Promise<void> {
  const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();
  await stopClock(database, daysAgo(40));
  await bookAndPay("completed", -30, -27);
  await stopClock(database, daysAgo(1));
  await book("expired", 52, 54);
  for (const [key, from] of [["late", 44] as const, ["later", 48] as const]) {
    await beginPayment(key, await book(key, from, from + 2));
  }
  await stopClock(database, null);
  expect(await ask("select app_private.complete_stays()")).toBe("1");
  await ask("select app_private.expire_holds()");
  await ask("select app_private.begin_payment($1)", [await book("held", 10, 13)]);
  await bookAndPay("confirmed", 15, 17);
  await beginPayment("processing", await book("processing", 20, 22));
  expect(await report("processing", "processing")).toBe("noted");
  // Somebody else has the nights when the money comes: one is given back, the other waits for it.
  for (const [key, from] of [["late", 44] as const, ["later", 48] as const]) {
    await bookAndPay(`instead-of-${key}`, from, from + 2);
    expect(await report(key, "succeeded")).toBe("refunding");
  }
  const refunded = await ask(
    `select app_private.apply_refund(r.id, 're_late', 'succeeded')
     from app_public.refunds r join app_public.payments p on p.id = r.payment_id
     where p.stripe_payment_intent_id = 'pi_late'`,
  );
  expect(refunded).toBe("succeeded");
  await ask("select app_private.store_stripe_event('evt_1', 'charge.updated', 'ch_1', '{}')");
}

/** What each ledger account holds, under the names of its kinds that `names` gives. */
async function balances(
  ledger: typeof FIRST_LEDGER,
  names: Readonly<Record<string, string>> = {},
): Promise<unknown[]> {
  const { rows } = await database.owner.query<{ kind: string; user_id: string; amount: string }>(
    `select a.kind::text, a.user_id, sum(e.amount) as amount
     from ${ledger.entries} e join ${ledger.accounts} a on a.id = e.account_id
     group by a.kind, a.user_id`,
  );
  return rows.map((row) => ({ ...row, kind: names[row.kind] ?? row.kind })).sort(byText);
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

async function queuedJobs(): Promise<string[]> {
  const { rows } = await database.owner.query<{ task: string }>(
    "select task_identifier as task from graphile_worker.jobs order by 1",
  );
  return rows.map(({ task }) => task);
}

/** Addresses as the first release took them, and what they are today. */
const ADDRESSES: readonly (readonly [spelled: string, today: string])[] = [
  ["plain@audit.example", "plain@audit.example"],
  ["mbx@au\u00addit.example", "mbx@audit.example"],
  ["bob@b\u00fccher.example", "bob@xn--bcher-kva.example"],
  ["ann@b\uff55\u0308cher.example", "ann@xn--bcher-kva.example"],
  ["eli@\u4f8b\u3048.\u30c6\u30b9\u30c8", "eli@xn--r8jz45g.xn--zckzah"],
  ["kim@pr\u00f3xima-\u00e9poca.example", "kim@xn--prxima-poca-hbb8j.example"],
  // Two of one mailbox: the older one has it.
  ["\uff43\uff59@audit.example", "cy@audit.example"],
  ["c\u200by@audit.example", "c\u200by@audit.example"],
  // Who has the plain spelling keeps it.
  ["d\u200bee@audit.example", "d\u200bee@audit.example"],
  ["dee@audit.example", "dee@audit.example"],
];

let before: { readonly balances: unknown[]; readonly jobs: string[] };

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
    const { rows } = await client.query<{ id: string }>(
      "insert into app_public.users (display_name) values ('Gus') returning id",
    );
    guestId = rows[0]?.id ?? "";
    for (const [spelled] of ADDRESSES) {
      await client.query(
        `with u as (insert into app_public.users (display_name) values ('Odd') returning id)
         insert into app_public.user_contacts (user_id, email) select id, $1 from u`,
        [spelled],
      );
    }
    await client.query("commit");
  } finally {
    client.release();
  }
  await ask(OFFERS);
  await fill();
  before = { balances: await balances(FIRST_LEDGER), jobs: await queuedJobs() };
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a database of the first migration, with rows in it", () => {
  test("is brought to today", async () => {
    const { ran } = await migrate(database.config);
    const files = (await sqlFiles(COMMITTED_FOLDER)).map(({ path }) => path);
    expect([FIRST, ...ran]).toEqual(files);
  });

  test("has one spelling for each mailbox, which is that of the server", async () => {
    const { rows } = await database.owner.query<{ email: string }>(
      `select c.email from app_public.user_contacts c
       join app_public.users u on u.id = c.user_id and u.display_name = 'Odd' order by u.id`,
    );
    expect(rows.map(({ email }) => email)).toEqual(ADDRESSES.map(([, today]) => today));
    for (const [spelled, today] of ADDRESSES) {
      const [, domain = ""] = spelled.replaceAll(/[\u00ad\u200b]/g, "").split("@");
      if (spelled !== today) expect(today).toContain(domainToASCII(domain));
    }
  });

  test.each(TODAY.drifts)("has nothing to say in %s()", async (check) => {
    expect((await database.owner.query(`select * from app_private.${check}()`)).rows).toEqual([]);
  });

  test("has each booking and payment as it was", async () => {
    const { rows } = await database.owner.query(
      `select replace(b.idempotency_key, 'key-of-', '') as key, b.status::text as booking,
         p.status::text as payment, p.captured_amount > 0 as captured,
         p.refunded_amount > 0 as refunded, r.status::text as refund
       from ${TODAY.bookings} b
       left join ${TODAY.payments} p on p.booking_id = b.id
       left join ${TODAY.refunds} r on r.payment_id = p.id
       order by 1`,
    );
    const one = (key: string, booking: string, payment: string, rest: object = {}) => ({
      ...{ key, booking, payment, captured: payment === "captured", refunded: false, refund: null },
      ...rest,
    });
    const nothing = { captured: null, refunded: null };
    expect(rows).toEqual(
      [
        one("completed", "completed", "captured"),
        one("confirmed", "confirmed", "captured"),
        { ...one("expired", "expired", ""), payment: null, ...nothing },
        one("held", "pending_payment", "requires_payment"),
        one("instead-of-late", "confirmed", "captured"),
        one("instead-of-later", "confirmed", "captured"),
        one("late", "expired", "refunded", { captured: true, refunded: true, refund: "succeeded" }),
        one("later", "expired", "captured", { refund: "requested" }),
        one("processing", "pending_payment", "processing"),
      ].sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
  });

  test("has every cent where it was, the guests' among them", async () => {
    const owed = before.balances.find((one) => JSON.stringify(one).includes("guest_clearing"));
    // The control: the first release did owe a guest something.
    expect(owed).toMatchObject({ amount: expect.stringMatching(/^-\d+$/) });
    const old = Object.entries(TODAY.accountKinds).map(([was, is]) => [is, was]);
    expect(await balances(TODAY.ledger, Object.fromEntries(old))).toEqual(before.balances);
  });

  test("has the mails that wait, and no job under a name that no task has", async () => {
    const { rows } = await database.owner.query(
      `select kind, count(*)::integer from ${TODAY.mails} where sent_at is null
       group by kind order by kind`,
    );
    expect(rows).toEqual([
      { kind: "booking_confirmed_guest", count: 4 },
      { kind: "booking_confirmed_host", count: 4 },
      { kind: "late_payment_refunded", count: 1 },
    ]);
    // Each mail has its job; then the refund that waits, the intents of holds that ended, the event.
    expect(new Set(before.jobs).size).toBeGreaterThanOrEqual(4);
    const now = await queuedJobs();
    expect(now.length).toBeGreaterThanOrEqual(before.jobs.length);
    expect(now.filter((task) => !(task in { ...formerJobs, ...jobs }))).toEqual([]);
  });

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
        quotes: 12,
        imported: ["inside-airbnb/900", "inside-airbnb/901", expect.stringMatching(/:.*\/900$/)],
      },
    ]);
  });
});
