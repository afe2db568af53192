/**
 * Who may see and change which row, said a second time and independently of the policies: a world
 * with rows in every state, the rules in TypeScript, and probes that compare both for every person
 * and every row. privileges.yaml decides about kinds of rows; this is about states and days.
 */
import { randomUUID } from "node:crypto";
import pg, { type ClientBase } from "pg";
import type { Actor, Scenario, TestDatabase } from "../helpers/database.ts";
import { stopClock } from "../helpers/factories.ts";
import { buildMarket } from "../helpers/fixture.ts";
import { daysAfter } from "../helpers/generate.ts";

/** At this instant it is another day in each of the three zones. */
const INSTANT = "2031-06-10T10:30:00Z";
const TODAY: Readonly<Record<string, string>> = {
  "Pacific/Pago_Pago": "2031-06-09",
  "Europe/Lisbon": "2031-06-10",
  "Pacific/Kiritimati": "2031-06-11",
};
/** Bookings in these states show their guest the listing, paid or not. */
const HELD = ["pending_payment", "requested", "accepted"];

interface Row {
  /** Where it lies, which is the same for everybody who sees it. */
  readonly place: string;
  readonly json: Readonly<Record<string, unknown>>;
}

interface Person {
  readonly label: string;
  readonly actor: Actor;
  /** Null for who is not signed in. */
  readonly id: string | null;
}

export interface World {
  readonly people: readonly Person[];
  /** The roles that see everything: in our tables the owner, in the queue the authenticator. */
  readonly insiders: { readonly owner: string; readonly authenticator: string };
  /** All rows of every relation that visitors may read. */
  readonly rows: Readonly<Record<string, readonly Row[]>>;
}

/** Builds it into an empty test database and stops the clock there. */
export async function buildWorld(database: TestDatabase): Promise<World> {
  const { a, b, operator } = await buildMarket(database);
  await stopClock(database, INSTANT);
  const client = new pg.Client({ connectionString: database.rootUrl });
  await client.connect();
  try {
    // Rows in states that no function would leave behind together: no trigger may interfere.
    await client.query("set session_replication_role = replica");
    const listingStates = await statesOf(client, "listing_status");
    const bookingStates = await statesOf(client, "booking_status");
    for (const { host } of [a, b]) {
      for (const status of listingStates) await copyListing(client, a.booked, host, status);
    }
    for (const status of bookingStates) {
      for (const confirmed of [false, true]) {
        // Of another host now than when it was booked, and in no state that everybody sees.
        const listing = await copyListing(client, a.booked, b.host, "paused");
        const stay = { ...a, status, confirmed, zone: "Europe/Lisbon", ago: 0 };
        await copyBooking(client, a.booked, listing, stay);
      }
    }
    for (const zone of Object.keys(TODAY)) {
      for (const ago of [-3, 6, 7, 8]) {
        const listing = await copyListing(client, a.booked, a.host, "archived");
        const stay = { ...a, status: "completed", confirmed: true, zone, ago };
        await copyBooking(client, a.booked, listing, stay);
      }
    }
    const visitor = (label: string, id: string | null): Person => ({
      label,
      id,
      actor: { role: "visitor", userId: id },
    });
    const people: Person[] = [
      visitor("nobody", null),
      visitor("guest A", a.guest),
      visitor("guest B", b.guest),
      visitor("host A", a.host),
      visitor("host B", b.host),
      visitor("the operator as a visitor", operator),
      { label: "the operator", id: operator, actor: { role: "operator", userId: operator } },
    ];
    const insiders = database.config.database;
    return { people, insiders, rows: await readRows(client, insiders.visitor) };
  } finally {
    await client.end();
  }
}

/** All that there are, those of tomorrow too. */
async function statesOf(client: ClientBase, type: string): Promise<string[]> {
  const { rows } = await client.query<{ state: string }>(
    `select unnest(enum_range(null::app_public.${type}))::text as state`,
  );
  return rows.map(({ state }) => state);
}

/** Copies rows of a relation, with changes; an `id` becomes a new one. */
async function copy(
  client: ClientBase,
  relation: string,
  where: string,
  changes: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { rows } = await client.query<{ name: string; identity: boolean }>(
    `select quote_ident(attname) as name, attidentity <> '' as identity from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [relation],
  );
  const names = rows.filter(({ identity }) => !identity).map(({ name }) => name);
  const isUuid = names.includes("id") && changes.id === undefined;
  const all = { ...changes, ...(isUuid ? { id: randomUUID() } : {}) };
  await client.query(
    `insert into ${relation} (${names.join(", ")})
     select ${names.map((name) => `n.${name}`).join(", ")} from ${relation} t
     cross join lateral jsonb_populate_record(t, $1) n where ${where}`,
    [JSON.stringify(all)],
  );
}

async function copyListing(
  client: ClientBase,
  from: string,
  host: string,
  status: string,
): Promise<string> {
  const id = randomUUID();
  await copy(client, "app_public.listings", `t.id = '${from}'`, { id, host_id: host, status });
  const parts = ["addresses", "amenities", "photos", "rates"].map((part) => `listing_${part}`);
  for (const part of [...parts, "dated_rates"]) {
    await copy(client, `app_public.${part}`, `t.listing_id = '${from}'`, { listing_id: id });
  }
  const block = `t.listing_id = '${from}' and t.kind = 'block'`;
  await copy(client, "app_public.calendar_claims", block, { listing_id: id });
  return id;
}

interface Stay {
  readonly guest: string;
  readonly host: string;
  readonly status: string;
  readonly confirmed: boolean;
  readonly zone: string;
  /** How many days ago the guest left. */
  readonly ago: number;
}

async function copyBooking(
  client: ClientBase,
  from: string,
  listing: string,
  stay: Stay,
): Promise<void> {
  const { rows } = await client.query<{ id: string; quote_id: string; payment_id: string }>(
    `select b.id, b.quote_id, p.id as payment_id from app_public.bookings b
     join app_public.payments p on p.booking_id = b.id where b.listing_id = $1`,
    [from],
  );
  const [old] = rows;
  if (old === undefined) throw new Error("The story has no paid booking.");
  const [booking, quote, payment] = [randomUUID(), randomUUID(), randomUUID()];
  const checkOut = daysAfter(TODAY[stay.zone] ?? "", -stay.ago);
  const place = { listing_id: listing, guest_id: stay.guest };
  await copy(client, "app_public.quotes", `t.id = '${old.quote_id}'`, { ...place, id: quote });
  await copy(client, "app_public.quote_line_items", `t.quote_id = '${old.quote_id}'`, {
    quote_id: quote,
  });
  await copy(client, "app_public.bookings", `t.id = '${old.id}'`, {
    ...place,
    id: booking,
    quote_id: quote,
    answer_due_at: "2031-06-03T11:00:00Z",
    host_id: stay.host,
    status: stay.status,
    idempotency_key: `world-${booking}`,
    check_in: daysAfter(checkOut, -2),
    check_out: checkOut,
    time_zone: stay.zone,
    confirmed_at: stay.confirmed ? "2031-06-01T00:00:00Z" : null,
  });
  const ofBooking = `t.booking_id = '${old.id}'`;
  await copy(client, "app_public.booking_events", ofBooking, { booking_id: booking });
  for (const table of ["cancellations", "cancellation_line_items"]) {
    await copy(client, `app_public.${table}`, ofBooking, { booking_id: booking });
  }
  await copy(client, "app_public.payments", ofBooking, {
    id: payment,
    booking_id: booking,
    stripe_payment_intent_id: `pi_${payment}`,
    stripe_charge_id: `ch_${payment}`,
  });
  await copy(client, "app_public.refunds", `t.payment_id = '${old.payment_id}'`, {
    payment_id: payment,
    stripe_refund_id: `re_${payment}`,
  });
  for (const direction of ["guest_to_host", "host_to_guest"]) {
    const one = `${ofBooking} and t.direction = '${direction}'`;
    await copy(client, "app_public.reviews", one, { booking_id: booking, listing_id: listing });
  }
}

async function readRows(client: ClientBase, visitor: string): Promise<World["rows"]> {
  const { rows: relations } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'app_public' and c.relkind in ('r', 'p')
       and has_table_privilege($1, c.oid, 'SELECT') order by 1`,
    [visitor],
  );
  const found: Record<string, Row[]> = {};
  for (const { name } of relations) {
    const { rows } = await client.query<Row>(
      `select t.ctid::text as place, to_jsonb(t) as json from ${name} t`,
    );
    found[name] = rows;
  }
  return found;
}

/** Whether somebody sees a row; `me` is null for who is not signed in. */
type Rule = (row: Row["json"], me: string | null) => boolean;

/** The rules of reading, by relation. Whoever acts as the operator sees everything. */
function readingRules({ rows }: World): Readonly<Record<string, Rule>> {
  const all = (name: string): Row["json"][] =>
    (rows[`app_public.${name}`] ?? []).map((r) => r.json);
  const byId = (name: string): Map<unknown, Row["json"]> =>
    new Map(all(name).map((row) => [row.id, row]));
  const [listings, bookings, quotes] = [byId("listings"), byId("bookings"), byId("quotes")];
  const [payments, accounts] = [byId("payments"), byId("ledger_accounts")];
  const isMe = (id: unknown, me: string | null): boolean => me !== null && id === me;
  const booked: Rule = (listing, me) =>
    all("bookings").some(
      (b) =>
        b.listing_id === listing.id &&
        isMe(b.guest_id, me) &&
        (b.confirmed_at !== null || HELD.includes(String(b.status))),
    );
  const stayed: Rule = ({ listing_id }, me) =>
    all("bookings").some(
      (b) =>
        b.listing_id === listing_id &&
        isMe(b.guest_id, me) &&
        (b.status === "confirmed" || b.status === "completed") &&
        String(b.check_out) > daysAfter(TODAY[String(b.time_zone)] ?? INSTANT.slice(0, 10), -7),
    );
  const hosts: Rule = (row, me) => isMe(listings.get(row.listing_id)?.host_id, me);
  const listing: Rule = (row, me) =>
    row.status === "published" || isMe(row.host_id, me) || booked(row, me);
  const booking: Rule = (row, me) => isMe(row.guest_id, me) || isMe(row.host_id, me);
  const quote: Rule = (row, me) =>
    isMe(row.guest_id, me) ||
    all("bookings").some((b) => b.quote_id === row.id && isMe(b.host_id, me));
  const payment: Rule = (row, me) => isMe(bookings.get(row.booking_id)?.guest_id, me);
  const entry: Rule = (row, me) => isMe(accounts.get(row.account_id)?.user_id, me);
  /** What belongs to another row is seen with it. */
  const via =
    (parents: Map<unknown, Row["json"]>, column: string, rule: Rule): Rule =>
    (row, me) => {
      const parent = parents.get(row[column]);
      return parent !== undefined && rule(parent, me);
    };
  const withListing = via(listings, "listing_id", listing);
  return {
    amenities: () => true,
    currencies: () => true,
    users: () => true,
    user_contacts: (row, me) => isMe(row.user_id, me),
    suspensions: () => false,
    audit_entries: (row, me) => isMe(row.user_id, me),
    listings: listing,
    listing_addresses: (row, me) => hosts(row, me) || stayed(row, me),
    listing_amenities: withListing,
    listing_photos: withListing,
    listing_rates: withListing,
    dated_rates: withListing,
    calendar_claims: hosts,
    quotes: quote,
    quote_line_items: via(quotes, "quote_id", quote),
    bookings: booking,
    booking_events: via(bookings, "booking_id", booking),
    cancellation_tiers: () => true,
    cancellations: via(bookings, "booking_id", booking),
    alterations: via(bookings, "booking_id", booking),
    cancellation_line_items: via(bookings, "booking_id", booking),
    payments: payment,
    refunds: via(payments, "payment_id", payment),
    unknown_charges: () => false,
    reviews: (row, me) => row.published_at !== null || isMe(row.author_id, me),
    ledger_accounts: (row, me) => isMe(row.user_id, me),
    ledger_entries: entry,
    ledger_transactions: (row, me) =>
      all("ledger_entries").some((e) => e.transaction_id === row.id && entry(e, me)),
  };
}

/** The rules of writing directly, by relation; the operator has no more than everybody. */
function writingRules({ rows }: World): Readonly<Record<string, Rule>> {
  const listings = new Map((rows["app_public.listings"] ?? []).map(({ json }) => [json.id, json]));
  const open: Rule = (row, me) =>
    me !== null && row.host_id === me && row.status !== "suspended" && row.status !== "archived";
  return {
    users: (row, me) => me !== null && row.id === me,
    user_contacts: (row, me) => me !== null && row.user_id === me,
    listings: open,
    listing_photos: ({ listing_id }, me) => {
      const listing = listings.get(listing_id);
      return listing !== undefined && open(listing, me);
    },
  };
}

/** Every difference between the rules and what the database does, as sentences. */
export async function* differences(scenario: Scenario, world: World): AsyncGenerator<string> {
  const [reading, writing] = [readingRules(world), writingRules(world)];
  // Triggers do not decide who may: as nobody but root, whom the scenario then lets be the owner.
  await scenario.client.query("set local role none; set local session_replication_role = replica");
  await scenario.asOwner((client) => client.query("select"));
  yield* missingInsiders(scenario, world);
  for (const person of world.people) {
    const isOperator = person.actor.role === "operator";
    for (const [relation, rows] of Object.entries(world.rows)) {
      const name = relation.split(".")[1] ?? "";
      const rule = reading[name];
      if (rule === undefined) {
        yield `Nobody says who sees ${relation}: add its rule.`;
        continue;
      }
      const wanted = rows.filter(({ json }) => isOperator || rule(json, person.id));
      const seen = await ask(scenario, person, `select ctid::text as place from ${relation}`);
      yield* compare(`${person.label} reads ${relation}`, wanted, seen);
    }
    for (const [name, rule] of Object.entries(writing)) {
      const relation = `app_public.${name}`;
      const rows = world.rows[relation] ?? [];
      const wanted = rows.filter(({ json }) => rule(json, person.id));
      for (const statement of WRITES[name] ?? []) {
        // A new row has a new place, but the old one's is known before it.
        const done = await ask(scenario, person, statement);
        yield* compare(`${person.label}: ${statement}`, wanted, done);
      }
    }
    yield* tryInserts(scenario, world, person);
  }
}

/** Tables whose owner, as which our functions run, or whose worker would not see every row. */
async function* missingInsiders(scenario: Scenario, { insiders }: World): AsyncGenerator<string> {
  const { rows } = await scenario.client.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
     join pg_namespace n on n.oid = c.relnamespace
     cross join lateral (
       select case n.nspname when 'graphile_worker' then $1::regrole else $2::regrole end as role
     ) insider
     where c.relrowsecurity and (n.nspname ~ '^app_' or n.nspname = 'graphile_worker')
       and not exists (
         select from pg_policy p
         where p.polrelid = c.oid and p.polcmd = '*' and p.polpermissive
           and p.polroles = array[insider.role::oid]
           and pg_get_expr(p.polqual, p.polrelid) = 'true'
           and pg_get_expr(p.polwithcheck, p.polrelid) = 'true'
       )`,
    [insiders.authenticator, insiders.owner],
  );
  for (const { name } of rows) yield `${name} hides rows from who works on all of them.`;
}

const WRITES: Readonly<Record<string, readonly string[]>> = {
  users: ["update app_public.users set bio = bio returning old.ctid::text as place"],
  user_contacts: [
    "update app_public.user_contacts set phone = phone returning old.ctid::text as place",
  ],
  listings: ["update app_public.listings set title = title returning old.ctid::text as place"],
  listing_photos: [
    "update app_public.listing_photos set url = url returning old.ctid::text as place",
    "delete from app_public.listing_photos returning old.ctid::text as place",
  ],
};

/** Inserts, tried one by one: a policy refuses a whole statement. */
async function* tryInserts(
  scenario: Scenario,
  world: World,
  person: Person,
): AsyncGenerator<string> {
  const open = writingRules(world).listing_photos;
  const states = new Map(
    (world.rows["app_public.listings"] ?? []).map(({ json }) => [
      `${String(json.host_id)} ${String(json.status)}`,
      String(json.id),
    ]),
  );
  for (const [state, id] of states) {
    const photo = `insert into app_public.listing_photos (listing_id, url, position)
      values ('${id}', 'https://photos.example/new', 50)`;
    const refused = await refusal(scenario, person, photo);
    const wanted = open?.({ listing_id: id }, person.id) === true ? undefined : "42501";
    if (refused !== wanted) yield `${person.label} adds a photo to ${state}: ${String(refused)}`;
  }
  const listing = `insert into app_public.listings (title, description, house_rules)
    values ('New', 'A quiet flat under the roof.', '')`;
  const refused = await refusal(scenario, person, listing);
  const wanted = person.id === null ? "42501" : undefined;
  if (refused !== wanted) yield `${person.label} adds a listing: ${String(refused)}`;
}

function* compare(
  what: string,
  wanted: readonly Row[],
  found: ReadonlySet<string>,
): Generator<string> {
  const missing = wanted.filter(({ place }) => !found.has(place)).length;
  const extra = found.size - (wanted.length - missing);
  if (missing + extra > 0) yield `${what}: ${missing} rows are missing, ${extra} are too many.`;
}

/** The places that a statement returns as somebody; what it did is taken back. */
async function ask(scenario: Scenario, { actor }: Person, text: string): Promise<Set<string>> {
  const places = await takenBack(scenario, actor, async (client) => {
    const { rows } = await client.query<{ place: string }>(text);
    return rows.map(({ place }) => place);
  });
  return new Set(places);
}

/** The SQLSTATE with which a statement is refused. */
async function refusal(
  scenario: Scenario,
  { actor }: Person,
  text: string,
): Promise<string | undefined> {
  try {
    await takenBack(scenario, actor, (client) => client.query(text));
    return undefined;
  } catch (error) {
    return error instanceof pg.DatabaseError ? error.code : String(error);
  }
}

class Taken<T> {
  readonly value: T;
  constructor(value: T) {
    this.value = value;
  }
}

/** Acts as somebody, and undoes it. */
async function takenBack<T>(
  scenario: Scenario,
  actor: Actor,
  act: (client: ClientBase) => Promise<T>,
): Promise<T> {
  try {
    await scenario.as(actor, async (client) => {
      throw new Taken(await act(client));
    });
  } catch (error) {
    if (error instanceof Taken) return error.value as T;
    throw error;
  }
  throw new Error("The statement was not taken back.");
}
