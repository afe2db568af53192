/**
 * Everything that a client can call or write, found in the catalogue and tried with the worst of values: each
 * answer is a result or an error of the registry that says what is wrong with the input, never INTERNAL.
 */
import { randomBytes } from "node:crypto";
import { beforeAll, expect, test } from "@jest/globals";
import type pg from "pg";
import { toApiError } from "../../src/databaseErrors.ts";
import { cases } from "../helpers/cases.ts";
import { testDatabase } from "../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  follow,
  hold,
  NOON,
  paidBooking,
  publishedListing,
  quoted,
  somebody,
  stopClock,
  text,
} from "../helpers/factories.ts";

const database = testDatabase();

/** Values by argument name that a call works with; all the others have a default. */
let usual: Readonly<Record<string, unknown>>;
let host: string;
let guest: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  const listing = await publishedListing(database, host, { units: 2 });
  const booking = await paidBooking(database, guest, listing);
  const held = await hold(database, guest, listing, ["2031-06-20", "2031-06-22"]);
  const [claim] = await asVisitor(
    database,
    host,
    "select id from app_public.block_nights($1, '2031-07-01', '2031-07-03')",
    [listing],
  );
  const asking = await publishedListing(database, host, { bookingMode: "request" });
  const requested = await hold(database, guest, asking);
  await follow(database, await begunPayment(database, guest, requested), "requires_capture");
  const altered = await paidBooking(database, guest, listing, ["2031-08-10", "2031-08-12"]);
  const [alteration] = await asVisitor(
    database,
    guest,
    `select id from app_public.propose_alteration(
       $1, 'a key for a change', '2031-08-10', '2031-08-13', 1)`,
    [altered],
  );
  const [session] = await asServer(
    database,
    "select session_id as id from app_private.start_session($1, $2, 'a phone', '1 day')",
    [guest, randomBytes(32)],
  );
  usual = {
    requested_id: requested,
    alteration_id: alteration?.id,
    listing,
    listing_id: listing,
    booking_id: booking,
    session_id: session?.id,
    held_id: held,
    claim_id: claim?.id,
    quote_id: await quoted(database, guest, listing, ["2031-06-25", "2031-06-27"]),
    idempotency_key: "a key of its own",
    check_in: "2031-06-10",
    check_out: "2031-06-12",
    from_date: "2031-06-01",
    to_date: "2031-07-01",
    starts_on: "2031-08-01",
    ends_before: "2031-08-03",
    guests: 2,
    rating: 5,
    comment: "Lovely.",
    amenity_codes: ["wifi"],
    currency: "EUR",
    nightly_amount: 10_000,
    street: "Rua Augusta 1",
    city: "Lisboa",
    country_code: "PT",
    time_zone: "Europe/Lisbon",
    longitude: -9.13,
    latitude: 38.7,
    west: -10,
    south: 38,
    east: -9,
    north: 39,
  };
});

const LONG = "x".repeat(10_000_000);
const NUMBERS = [0, -1, "2147483647", "-2147483648", "9223372036854775807", "-9223372036854775808"];
const DATES = [
  "infinity",
  "-infinity",
  "0001-01-01",
  "4713-01-01 BC",
  "1999-12-30",
  "9999-12-31",
  "294276-12-31",
  "294277-01-01",
  "5874897-12-31",
  "5874898-01-01",
  "someday",
];
const FRACTIONS = [
  "NaN",
  "Infinity",
  "-Infinity",
  "1e308",
  "-1e308",
  "4.9e-324",
  "180",
  "-180",
  "90",
];
const TEXTS = ["", " ", "\t\n", "\u0000", "';--", "%_\\", "\u202Eabc", "😀".repeat(1000), LONG];

/** The worst values of each type, null among them for every one. */
const HOSTILE: Readonly<Record<string, readonly unknown[]>> = {
  uuid: ["00000000-0000-0000-0000-000000000000", "not a uuid", ""],
  date: DATES,
  "time without time zone": ["24:00", "25:00", ""],
  smallint: NUMBERS,
  integer: NUMBERS,
  bigint: [...NUMBERS, "9223372036854775808"],
  numeric: [...FRACTIONS, "1e1000", "-0.0000001"],
  "double precision": FRACTIONS,
  boolean: ["perhaps"],
  text: TEXTS,
  "app_public.web_url": [...TEXTS, "https://", `https://${LONG}`],
  "text[]": [
    [],
    [null],
    ["wifi", "wifi"],
    [["wifi"], ["pool"]],
    [LONG],
    Array(20_000).fill("wifi"),
  ],
  "app_public.listings": [],
};

const hostileFor = (type: string): readonly unknown[] => {
  const known = HOSTILE[type];
  if (known !== undefined) return [null, ...known];
  // What is left are words of ours, alone or in arrays.
  return type.endsWith("[]") ? [null, [], [null], ["nonsense"]] : [null, "", "nonsense"];
};

interface Exposed {
  readonly name: string;
  readonly argumentNames: readonly string[];
  readonly types: readonly string[];
  readonly required: number;
}

async function exposedFunctions(): Promise<Exposed[]> {
  const rows = await asOwner(
    database,
    `select p.proname::text as name, p.proargnames[1:p.pronargs] as arguments,
       (p.proargtypes::oid[])::regtype[]::text[] as types,
       p.pronargs - p.pronargdefaults as required
     from pg_proc p
     where p.pronamespace = 'app_public'::regnamespace and p.pronargs > 0
       and has_function_privilege('staybase_visitor', p.oid, 'execute')
     order by 1`,
  );
  return rows.map(({ name, arguments: names, types, required }) => ({
    name: String(name),
    argumentNames: (names ?? []) as string[],
    types: types as string[],
    required: Number(required),
  }));
}

type Attempt = (client: pg.PoolClient) => Promise<unknown>;

/** With what an attempt is refused; `undefined` where it goes through. */
async function refusalOf(userId: string | null, attempt: Attempt): Promise<unknown> {
  try {
    await database.withVisitor(userId, attempt);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** What is wrong with us; `undefined` where an attempt goes through or the client is to blame. */
async function fault(
  userId: string | null,
  what: string,
  attempt: Attempt,
): Promise<string | undefined> {
  const error = await refusalOf(userId, attempt);
  const { code, status } = toApiError(error);
  if (error === undefined || status < 500) return undefined;
  const state = error instanceof Error && "code" in error ? String(error.code) : "";
  return `${what}: ${code} ${state} ${String(error)}`.slice(0, 300);
}

function show(value: unknown): string {
  const json = JSON.stringify(value) ?? "undefined";
  return json.length > 60 ? `${json.slice(0, 60)}.. (${json.length})` : json;
}

/** A call by argument names; a listing is given as the row that the caller sees. */
function calling(exposed: Exposed, given: ReadonlyMap<string, unknown>): Attempt {
  const list = [...given.keys()].map((name, index) => {
    const type = exposed.types[exposed.argumentNames.indexOf(name)] ?? "text";
    const value =
      type === "app_public.listings"
        ? `(select l from app_public.listings l where l.id = $${index + 1}::uuid)`
        : `$${index + 1}::${type}`;
    return `${name} => ${value}`;
  });
  const statement = `select * from app_public.${exposed.name}(${list.join(", ")})`;
  return (client) => client.query(statement, [...given.values()]);
}

const answer = (who: string, exposed: Exposed, given: ReadonlyMap<string, unknown>) =>
  refusalOf(who, calling(exposed, given));

function call(who: string | null, exposed: Exposed, given: ReadonlyMap<string, unknown>) {
  const described = [...given].map(([name, value]) => `${name} ${show(value)}`).join(", ");
  return fault(who, `${exposed.name}(${described})`, calling(exposed, given));
}

/** The usual values of what must be given, with some changed. */
function values(
  exposed: Exposed,
  changes: Readonly<Record<string, unknown>>,
): Map<string, unknown> {
  const given = exposed.argumentNames.filter(
    (name, index) => index < exposed.required || name in changes,
  );
  return new Map(given.map((name) => [name, name in changes ? changes[name] : usual[name]]));
}

/** When a function works that is about a stay that has begun or is over. */
const TIMES: Readonly<Record<string, string>> = {
  submit_review: "2031-06-20T11:00:00Z",
  mark_checked_in: "2031-06-11T11:00:00Z",
  mark_checked_out: "2031-06-11T11:00:00Z",
  mark_no_show: "2031-06-11T11:00:00Z",
};

test("every exposed function works with usual values, for one of those who may call it", async () => {
  const works = async (exposed: Exposed): Promise<boolean> => {
    const given = values(exposed, {});
    // What is about a stay that was sold, and what is not, want their own booking.
    const variants = [usual.booking_id, usual.held_id, usual.requested_id].map(
      (id) => new Map([...given, ["booking_id", id]]),
    );
    for (const who of [guest, host]) {
      for (const variant of given.has("booking_id") ? variants : [given]) {
        if ((await answer(who, exposed, variant)) === undefined) return true;
      }
    }
    return false;
  };
  const broken: string[] = [];
  for (const exposed of await exposedFunctions()) {
    await stopClock(database, TIMES[exposed.name] ?? NOON);
    if (!(await works(exposed))) broken.push(exposed.name);
  }
  await stopClock(database, NOON);
  expect(broken).toEqual([]);
});

test("no single hostile argument makes an exposed function fail inside", async () => {
  const faults: (string | undefined)[] = [];
  // Of the few, those of every fifth pair of an argument and a value.
  const step = cases(1, 5);
  let pairs = 0;
  for (const exposed of await exposedFunctions()) {
    for (const [index, name] of exposed.argumentNames.entries()) {
      for (const value of hostileFor(exposed.types[index] ?? "text")) {
        pairs += 1;
        if (pairs % step !== 0) continue;
        const people = value === LONG || Array.isArray(value) ? [host] : [null, guest, host];
        for (const who of people) {
          faults.push(await call(who, exposed, values(exposed, { [name]: value })));
        }
      }
    }
  }
  expect(faults.filter((found) => found !== undefined)).toEqual([]);
});

test("nor do nulls everywhere, or the far ends of the calendar", async () => {
  const faults: (string | undefined)[] = [];
  for (const exposed of await exposedFunctions()) {
    const nulls = Object.fromEntries(exposed.argumentNames.map((name) => [name, null]));
    for (const who of [null, guest, host]) {
      faults.push(await call(who, exposed, values(exposed, nulls)));
    }
    const [from, to] = exposed.argumentNames.filter((_, index) => exposed.types[index] === "date");
    if (from === undefined || to === undefined) continue;
    for (const first of DATES) {
      for (const last of DATES) {
        faults.push(await call(host, exposed, values(exposed, { [from]: first, [to]: last })));
      }
    }
    for (const [first, last] of [
      ["4713-01-01 BC", "4713-01-02 BC"],
      ["1999-12-29", "2000-01-05"],
      ["294276-12-30", "294276-12-31"],
      ["294276-12-31", "294277-01-01"],
      ["5874897-12-30", "5874897-12-31"],
    ]) {
      for (const who of [guest, host]) {
        faults.push(await call(who, exposed, values(exposed, { [from]: first, [to]: last })));
      }
    }
  }
  expect(faults.filter((found) => found !== undefined)).toEqual([]);
});

test("nor does a hostile value in a column that clients write", async () => {
  const columns = await asOwner(
    database,
    `select c.oid::regclass::text as relation, a.attname::text as name, p.privilege,
       format_type(a.atttypid, null) as type,
       exists (
         select from pg_attribute k where k.attrelid = c.oid and k.attname = 'listing_id'
       ) as has_listing
     from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     cross join (values ('insert'), ('update')) p (privilege)
     where c.relnamespace = 'app_public'::regnamespace and c.relkind = 'r'
       and has_column_privilege('staybase_visitor', c.oid, a.attnum, p.privilege)
     order by 1, 2`,
  );
  expect(columns.length).toBeGreaterThan(40);
  const faults: (string | undefined)[] = [];
  for (const { relation, name, privilege, type, has_listing } of columns) {
    const base = has_listing === true ? { listing_id: usual.listing_id } : { title: "A flat" };
    for (const value of hostileFor(String(type))) {
      const row = new Map(Object.entries({ ...base, [String(name)]: value }));
      const statement =
        privilege === "update"
          ? `update ${relation} set ${name} = $1`
          : `insert into ${relation} (${[...row.keys()].join(", ")})
             values (${[...row.keys()].map((_, index) => `$${index + 1}`).join(", ")})`;
      const given = privilege === "update" ? [value] : [...row.values()];
      const what = `${privilege} ${relation}.${name} ${show(value)}`;
      faults.push(await fault(host, what, (client) => client.query(statement, given)));
    }
  }
  expect(faults.filter((found) => found !== undefined)).toEqual([]);
});

test("a client that writes has changed nothing of others by any of it", async () => {
  const found = await asOwner(
    database,
    "select count(*)::integer::text as listings from app_public.listings",
  );
  expect(text(found, "listings")).toBe("2");
});
