/**
 * Every writer of a listing runs against every other, and against itself, on real connections that
 * commit. No pair may deadlock: neither by the error that a client gets, nor by the counter of the
 * database, which also knows of a deadlock whose error a function caught. The controls take the
 * locks in the wrong order, once openly and once with the error caught. What order.test.ts shows
 * of one pair step by step, this shows of all by running them.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { replaceClock } from "../../../src/commands/shared/clock.ts";
import { createLogger } from "../../../src/resources/logger.ts";
import { createPool, withTransaction } from "../../../src/resources/postgres.ts";
import { cases } from "../../helpers/cases.ts";
import { testDatabase } from "../../helpers/database.ts";
import { asOwner, publishedListing, type Row, somebody, text } from "../../helpers/factories.ts";

const database = testDatabase();

const DEADLOCK = "40P01";
const SOURCE = "elsewhere";
/** How often each of the two connections of a writer acts against the other writer. */
const CALLS = cases(8, 3);
/** Nights from here on are for holds, blocks and imports; the paid stays lie before them. */
const FIRST_NIGHT = 40;
const NIGHTS = 12;

let host: string;
const guests: string[] = [];
/** Four connections: two for each writer of a pair. */
const pools: pg.Pool[] = [];

/** One connection of a writer, and what it acts on. */
interface Hand {
  readonly pool: pg.Pool;
  readonly guest: string;
  readonly listing: string;
  /** Paid bookings of the guest, one for each call, for the writers that are in `OF_PAID`. */
  readonly paid: readonly string[];
}

type Writer = (hand: Hand, call: number) => Promise<unknown>;

/** A date some days from now; far enough ahead that no zone matters. */
const day = (offset: number): string =>
  new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

/** The paid stay of a call: the calls of both sides take turns. */
const paidNight = (call: number, side: number): number => 3 + 2 * call + side;

interface Act {
  /** Who is signed in: a visitor, unless the server acts for them. */
  readonly userId?: string;
  readonly server?: boolean;
  /** How far ahead the database's clock is, for this transaction alone. */
  readonly ahead?: string;
}

/** One statement in a transaction of its own. */
const act = ({ pool }: Hand, who: Act, statement: string, values: unknown[]): Promise<Row[]> =>
  withTransaction(
    pool,
    {
      role: who.server === true ? undefined : database.config.database.visitor,
      claims: { userId: who.userId },
    },
    async (client) => {
      if (who.ahead !== undefined) {
        await client.query("select set_config('pairs.ahead', $1, true)", [who.ahead]);
      }
      return (await client.query<Row>(statement, values)).rows;
    },
  );

const byHost = (hand: Hand, statement: string, ...more: unknown[]): Promise<Row[]> =>
  act(hand, { userId: host }, statement, [hand.listing, ...more]);

const byGuest = (hand: Hand, statement: string, ...values: unknown[]): Promise<Row[]> =>
  act(hand, { userId: hand.guest }, statement, values);

const byServer = (hand: Hand, statement: string, ...values: unknown[]): Promise<Row[]> =>
  act(hand, { userId: hand.guest, server: true }, statement, values);

/** Two nights; calls of different connections meet at some of them. */
function night(call: number): number {
  return FIRST_NIGHT + ((call * 5) % NIGHTS);
}

async function hold(hand: Hand, call: number): Promise<string> {
  const stay = [day(night(call)), day(night(call) + 2)];
  const quote = await byGuest(
    hand,
    "select id from app_public.create_quote($1, $2, $3, 1)",
    hand.listing,
    ...stay,
  );
  const booking = await byGuest(
    hand,
    "select id from app_public.create_booking($1, $2)",
    text(quote, "id"),
    randomUUID(),
  );
  return text(booking, "id");
}

/** What an import says of the listing; no two are the same. */
const imported = (listing: string, call: number): string =>
  JSON.stringify({
    externalId: listing,
    host: { externalId: "1", displayName: `Hanna ${randomUUID()}` },
    title: `Title ${call}`,
    description: "With a garden and a view.",
    houseRules: "No parties.",
    type: "entire_home",
    maxGuests: 4,
    bedrooms: 1,
    beds: 2,
    bathrooms: 1,
    minNights: 1 + (call % 2),
    maxNights: 30,
    bookingMode: "instant",
    street: "Main Street 1",
    city: "Lisbon",
    countryCode: "PT",
    timeZone: "Europe/Lisbon",
    longitude: -9.14,
    latitude: 38.71 + call / 1000,
    rates: { currency: "EUR", nightlyAmount: 10_000 + call },
    photoUrls: ["https://example.com/1", `https://example.com/import/${call % 3}`],
    amenityCodes: call % 2 === 0 ? ["wifi"] : ["pool"],
    blockedNights: [`[${day(night(call))},${day(night(call) + 1)})`],
    datedRates: [{ nights: `[${day(60)},${day(61 + call)})`, nightlyAmount: 20_000 }],
    reviewScores: null,
  });

async function pay(hand: Hand, call: number): Promise<void> {
  const booking = await hold(hand, call);
  const begun = await byServer(
    hand,
    "select id, amount::text as amount from app_private.begin_payment($1)",
    booking,
  );
  const payment = text(begun, "id");
  const intent = `pi_${payment}`;
  const follow = (status: string, ...more: unknown[]): Promise<Row[]> =>
    byServer(
      hand,
      "select app_private.apply_payment_intent($1, $2, $3, $4, $5, $6, $7, 'EUR')",
      intent,
      payment,
      status,
      ...more,
      text(begun, "amount"),
    );
  await byServer(hand, "select app_private.attach_payment_intent($1, $2)", payment, intent);
  await follow("processing", 0, null, null);
  if (call % 2 === 0) await follow("requires_payment_method", 0, null, "card_declined");
  await follow("succeeded", text(begun, "amount"), `ch_${payment}`, null);
}

/** The refund of a payment goes through, and fails in the end. */
async function refund(hand: Hand, call: number): Promise<void> {
  const made = await asOwner(
    database,
    `insert into app_public.refunds (payment_id, reason, reason_code, currency, amount)
     select p.id, 'A gesture.', 'goodwill', p.currency, 100 from app_public.payments p
     where p.booking_id = $1
     returning id, (
       select p.stripe_payment_intent_id from app_public.payments p where p.id = payment_id
     ) as intent`,
    [hand.paid[call]],
  );
  const id = text(made, "id");
  for (const status of ["pending", "succeeded", "failed"]) {
    const answer = await byServer(
      hand,
      "select app_private.apply_refund($1, $2, $3, $4, 100, 'EUR') as outcome",
      id,
      `re_${id}`,
      status,
      text(made, "intent"),
    );
    expect(answer).toEqual([{ outcome: status === "pending" ? "noted" : status }]);
  }
}

async function changePhotos(hand: Hand, call: number): Promise<void> {
  const others = await byHost(
    hand,
    "select id from app_public.listing_photos where listing_id = $1 order by id",
  );
  await byHost(
    hand,
    "insert into app_public.listing_photos (listing_id, url) values ($1, $2)",
    `https://example.com/${randomUUID()}`,
  );
  const one = others[call % Math.max(others.length, 1)]?.id ?? null;
  await byHost(
    hand,
    "update app_public.listing_photos set position = $3 where listing_id = $1 and id = $2",
    one,
    call,
  );
  await byHost(
    hand,
    "delete from app_public.listing_photos where listing_id = $1 and id = $2",
    one,
  );
}

/** A guest asks for another night, the host accepts, and the guest pays. */
async function alter(hand: Hand, call: number): Promise<void> {
  const proposed = await byGuest(
    hand,
    `select a.id from app_public.bookings b
     cross join lateral app_public.propose_alteration(
       b.id, gen_random_uuid()::text, b.check_in, b.check_out + 1, b.guests) a
     where b.id = $1`,
    hand.paid[call],
  );
  await act(
    hand,
    { userId: host },
    "select app_public.accept_alteration($1, gen_random_uuid()::text)",
    [text(proposed, "id")],
  );
  await byServer(
    hand,
    `select app_private.apply_payment_intent(
       'pi_' || p.id, p.id, 'succeeded', p.amount, 'ch_' || p.id, null, p.amount, p.currency)
     from app_private.begin_payment($1) p`,
    hand.paid[call],
  );
}

/** The guest arrives and leaves; or the host says that nobody came, and takes that back. */
async function mark(hand: Hand, call: number): Promise<void> {
  const [stay] = await asOwner(
    database,
    "select (check_in - current_date + 1)::text as days from app_public.bookings where id = $1",
    [hand.paid[call]],
  );
  const ahead = `${String(stay?.days)} days`;
  const say = (userId: string, what: string): Promise<Row[]> =>
    act(hand, { userId, ahead }, `select app_public.${what}($1)`, [hand.paid[call]]);
  if (call % 2 === 0) await say(host, "mark_no_show");
  await say(host, "mark_checked_in");
  await say(hand.guest, "mark_checked_out");
}

const OF_PAID = new Set(["alter", "complete", "mark", "refund", "review"]);

const WRITERS: Readonly<Record<string, Writer>> = {
  import: (hand, call) =>
    byServer(
      hand,
      "select app_private.import_listing($1, $2)",
      SOURCE,
      imported(hand.listing, call),
    ),
  edit: async (hand, call) => {
    await byHost(hand, "update app_public.listings set title = $2 where id = $1", `Flat ${call}`);
    await byHost(
      hand,
      "update app_public.listings set title = $2, min_nights = $3 where id = $1",
      `Flat again ${call}`,
      1 + (call % 2),
    );
  },
  block: async (hand, call) => {
    const blocked = await byHost(
      hand,
      "select id from app_public.block_nights($1, $2, $3, unit_number => $4)",
      day(night(call)),
      day(night(call) + 1),
      call % 2 === 0 ? null : 3,
    );
    for (const { id } of blocked) {
      await act(hand, { userId: host }, "select app_public.unblock_nights($1)", [id]);
    }
  },
  book: hold,
  pay,
  refund,
  "give up": async (hand, call) =>
    byGuest(hand, "select app_public.cancel_hold($1)", await hold(hand, call)),
  expire: async (hand, call) => {
    await hold(hand, call);
    const late = { server: true, ahead: "1 hour" };
    await act(hand, late, "select app_private.expire_holds()", []);
  },
  complete: (hand, call) => {
    const late = { server: true, ahead: `${paidNight(call, 1) + 2} days` };
    return act(hand, late, "select app_private.complete_stays()", []);
  },
  review: (hand, call) =>
    act(
      hand,
      { userId: hand.guest, ahead: "30 days" },
      "select app_public.submit_review($1, 5, 'Lovely.')",
      [hand.paid[call]],
    ),
  alter,
  mark,
  "set rates": (hand, call) =>
    byHost(hand, "select app_public.set_listing_rates($1, 'EUR', $2)", 10_000 + call),
  "set a dated rate": (hand, call) =>
    byHost(
      hand,
      "select app_public.set_dated_rate($1, $2, $3, $4)",
      day(60 + call),
      day(63 + call),
      call % 3 === 0 ? null : 15_000,
    ),
  "change photos": changePhotos,
  "set amenities": (hand, call) =>
    byHost(
      hand,
      "select app_public.set_listing_amenities($1, $2)",
      call % 2 === 0 ? ["wifi", "kitchen"] : ["pool"],
    ),
  "set the address": (hand, call) =>
    byHost(
      hand,
      `select app_public.set_listing_address(
         $1, 'Rua Augusta 1', 'Lisboa', 'PT', 'Europe/Lisbon', -9.1365, $2)`,
      38.7 + call / 1000,
    ),
  "pause and publish": async (hand) => {
    await byHost(hand, "select app_public.pause_listing($1)");
    await byHost(hand, "select app_public.publish_listing($1)");
  },
  archive: async (hand) => {
    await byHost(hand, "select app_public.archive_listing($1)");
    // There is no way back for a host; here it is, so that the other writer finds it open.
    await asOwner(database, "update app_public.listings set status = 'published' where id = $1", [
      hand.listing,
    ]);
  },
};

beforeAll(async () => {
  const root = new pg.Client({ connectionString: database.rootUrl });
  await root.connect();
  // A deadlock is looked for soon, so that it costs little to find one.
  await root.query(`alter database ${database.name} set deadlock_timeout = '20ms'`);
  await root.end();
  for (let number = 0; number < 4; number += 1) {
    pools.push(
      createPool(database.config, createLogger({ level: "silent" }), {
        applicationName: `staybase-test-pairs-${number}`,
        max: 1,
      }),
    );
  }
  await replaceClock(
    database.owner,
    "now() + coalesce(nullif(current_setting('pairs.ahead', true), ''), '0')::interval",
  );
  host = await somebody(database, "Hanna");
  // Each pair has a listing of its own, and nothing here is about how many.
  await asOwner(database, "update app_private.quotas set most = 1000000");
  for (const name of ["Gero", "Greta"]) guests.push(await somebody(database, name));
  await asOwner(
    database,
    `insert into app_private.imported_hosts (source, external_id, user_id) values ($1, '1', $2)`,
    [SOURCE, host],
  );
});

afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
});

/** Paid bookings of a guest, one night each, in one transaction. */
async function paidStays(listing: string, guest: string, side: number): Promise<string[]> {
  const client = await database.owner.connect();
  try {
    await client.query("begin");
    await client.query("select set_config('staybase.user_id', $1, true)", [guest]);
    const { rows } = await client.query<{ id: string }>(
      `select b.id
       from unnest($2::date[]) with ordinality n (night, call)
       cross join lateral app_public.create_quote($1, n.night, n.night + 1, 1) q
       cross join lateral app_public.create_booking(q.id, q.id::text) b
       cross join lateral app_private.begin_payment(b.id) p
       cross join lateral app_private.apply_payment_intent(
         'pi_' || p.id, p.id, 'succeeded', p.amount, 'ch_' || p.id, null, p.amount, p.currency) a
       where a = 'confirmed' order by n.call`,
      [listing, Array.from({ length: CALLS }, (_, call) => day(paidNight(call, side)))],
    );
    await client.query("commit");
    return rows.map(({ id }) => id);
  } finally {
    client.release();
  }
}

/** A listing with three units that an import also writes. */
async function sharedListing(): Promise<string> {
  const listing = await publishedListing(database, host, { units: 3 });
  await asOwner(
    database,
    `insert into app_private.imported_listings (source, external_id, listing_id, content_hash)
     values ($1, $2::text, $2::uuid, '')`,
    [SOURCE, listing],
  );
  return listing;
}

/** All deadlocks of this database until now; each connection tells first what it has counted. */
async function deadlocks(): Promise<number> {
  await Promise.all(pools.map((pool) => pool.query("select pg_stat_force_next_flush()")));
  const [row] = await asOwner(
    database,
    "select deadlocks::integer from pg_stat_database where datname = current_database()",
  );
  return Number(row?.deadlocks);
}

/** How often each writer got something done. */
const done = new Map<string, number>();

/** Everything that a connection does; says what went wrong that is no refusal. */
async function work(name: string, hand: Hand, first: number): Promise<string[]> {
  const faults: string[] = [];
  for (let call = 0; call < CALLS; call += 1) {
    try {
      await WRITERS[name]?.(hand, OF_PAID.has(name) ? call : call + first);
      done.set(name, 1 + (done.get(name) ?? 0));
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      if (!isRefusal(error.code ?? "")) faults.push(`${name}: ${error.code}`);
    }
  }
  return faults;
}

/** 42501 is row-level security's: the listing is archived for a moment. */
const isRefusal = (code: string): boolean => code.startsWith("SB") || code === "42501";

interface Meeting {
  /** As the database counts them. */
  readonly deadlocks: number;
  /** What a client was told that is no refusal, with the name of the writer. */
  readonly faults: readonly string[];
}

/** Two writers at one listing at once, each on two connections. */
async function meet(...names: readonly [string, string]): Promise<Meeting> {
  // Holds of the pair before would count against the limit of a guest.
  const [idle] = pools;
  if (idle === undefined) throw new Error("There is no connection.");
  const clean = { pool: idle, guest: "", listing: "", paid: [] };
  await act(clean, { server: true, ahead: "1 hour" }, "select app_private.expire_holds()", []);

  const listing = await sharedListing();
  const hands: [string, Hand][] = [];
  for (const [number, pool] of pools.entries()) {
    const side = number < 2 ? 0 : 1;
    const [name, guest] = [names[side] ?? "", guests[number % 2] ?? ""];
    const paid = OF_PAID.has(name) ? await paidStays(listing, guest, side) : [];
    hands.push([name, { pool, guest, listing, paid }]);
  }
  const before = await deadlocks();
  const faults = await Promise.all(
    hands.map(([name, hand], number) => work(name, hand, number * CALLS)),
  );
  return { deadlocks: (await deadlocks()) - before, faults: faults.flat() };
}

const NAMES = Object.keys(WRITERS);

const PAIRS = NAMES.flatMap((first, index) =>
  NAMES.slice(index).map((second) => [first, second] as const),
);

describe("writers of one listing take turns", () => {
  test.each(PAIRS)("%s and %s", async (first, second) => {
    expect(await meet(first, second)).toEqual({ deadlocks: 0, faults: [] });
  });

  test("and each of them got something done", () => {
    expect(NAMES.filter((name) => !done.has(name))).toEqual([]);
  });
});

/**
 * Makes a host's function lock the listing first or the units first, as chance has it. It rests
 * between the two, so that a busy machine does not hide the fault.
 */
const cross = (onDeadlock: string): Promise<Row[]> =>
  asOwner(
    database,
    `create or replace function app_public.set_listing_amenities(
       listing_id uuid, amenity_codes text[]
     ) returns app_public.listings
     language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
     as $$
     begin
       if random() < 0.5 then
         perform app_hidden.lock_units(set_listing_amenities.listing_id);
         perform pg_sleep(0.01);
         return app_hidden.require_own_listing(set_listing_amenities.listing_id);
       end if;
       perform app_hidden.require_own_listing(set_listing_amenities.listing_id);
       perform pg_sleep(0.01);
       perform app_hidden.lock_units(set_listing_amenities.listing_id);
       return null;
     exception
       when deadlock_detected then ${onDeadlock};
     end
     $$`,
  );

describe("a writer that takes the locks in another order would be found out", () => {
  test.each([
    ["by its client", "raise", [`set amenities: ${DEADLOCK}`]],
    ["by the database alone, when it hides the error", "return null", []],
  ])("%s", async (_whom, onDeadlock, faults) => {
    await cross(onDeadlock);
    let met: Meeting = { deadlocks: 0, faults: [] };
    for (let round = 0; round < 20 && met.deadlocks === 0; round += 1) {
      met = await meet("set amenities", "set amenities");
    }
    expect(met.deadlocks).toBeGreaterThan(0);
    expect([...new Set(met.faults)]).toEqual(faults);
  });
});
