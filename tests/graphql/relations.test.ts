/**
 * Claims about required relations: whoever sees a row sees the row that its required key leads to,
 * or tags.json5 says that it may be hidden.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  buildSchema,
  type GraphQLSchema,
  getNamedType,
  isNonNullType,
  isObjectType,
} from "graphql";
import JSON5 from "json5";
import { SCHEMA_TEXT_FILE } from "../../src/graphql/schemaText.ts";
import type { Client } from "../helpers/client.ts";
import { type Actor, testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market, travel } from "../helpers/fixture.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let market: Market;
let schema: GraphQLSchema;
let server: GraphqlServer;
let keys: Key[];
let actors: Actor[];

/** A foreign key of which no column may be null. */
interface Key {
  readonly name: string;
  readonly child: string;
  readonly parent: string;
  /** True where a child has the parent of its key. */
  readonly condition: string;
  readonly mayBeHidden: boolean;
}

interface Tags {
  readonly config: {
    readonly class: Record<
      string,
      { constraint?: Record<string, { tags: { mayBeHidden?: boolean; behavior?: string } }> }
    >;
  };
}

beforeAll(async () => {
  market = await buildMarket(database);
  const { a, b, operator } = market;
  const visitors = [a.guest, a.host, b.guest, b.host, null];
  actors = [
    ...visitors.map((userId) => ({ role: "visitor", userId }) as const),
    { role: "operator", userId: operator },
  ];
  // Holds of paused listings end, and a listing that has reviews is paused.
  await travel(database, "1 hour");
  await database.owner.query("select app_private.expire_holds()");
  await travel(database, null);
  await database.owner.query("update app_public.listings set status = 'paused' where id = $1", [
    b.booked,
  ]);
  schema = buildSchema(await readFile(SCHEMA_TEXT_FILE, "utf8"));
  server = await openGraphqlServer(database);
  keys = await requiredKeys();
});
afterAll(() => server.dispose());

async function requiredKeys(): Promise<Key[]> {
  const file = new URL("../../src/graphql/tags.json5", import.meta.url);
  const tags = JSON5.parse<Tags>(await readFile(file, "utf8")).config.class;
  const { rows } = await database.owner.query<Omit<Key, "mayBeHidden">>(
    `select c.conname as name, c.conrelid::regclass::text as child,
       c.confrelid::regclass::text as parent,
       string_agg(format('parent.%I = child.%I', p.attname, a.attname), ' and ') as condition
     from pg_constraint c
     cross join lateral unnest(c.conkey, c.confkey) as k (child, parent)
     join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.child
     join pg_attribute p on p.attrelid = c.confrelid and p.attnum = k.parent
     where c.contype = 'f' and c.connamespace = 'app_public'::regnamespace
       and c.confrelid::regclass::text like 'app_public.%'
       and has_table_privilege($1, c.conrelid, 'select')
       and has_table_privilege($1, c.confrelid, 'select')
     group by c.oid
     having bool_and(a.attnotnull)
     order by c.conname`,
    [database.config.database.visitor],
  );
  const tagsOf = ({ child, name }: { child: string; name: string }) =>
    tags[child]?.constraint?.[name]?.tags;
  return rows
    .filter((key) => tagsOf(key)?.behavior !== "-*")
    .map((key) => ({ ...key, mayBeHidden: tagsOf(key)?.mayBeHidden === true }));
}

/** How many rows an actor sees without the row that the key leads to. */
async function orphansSeenBy(actor: Actor, { child, parent, condition }: Key): Promise<number> {
  return await database.scenario((scenario) =>
    scenario.as(actor, async (client) => {
      const { rows } = await client.query<{ orphans: number }>(
        `select count(*)::integer as orphans from ${child} child
         where not exists (select from ${parent} parent where ${condition})`,
      );
      return rows[0]?.orphans ?? 0;
    }),
  );
}

test("whoever sees a row sees what its required keys lead to", async () => {
  const required = keys.filter((key) => !key.mayBeHidden);
  expect(required.length).toBeGreaterThan(15);
  for (const key of required) {
    for (const actor of actors) {
      const orphans = await orphansSeenBy(actor, key);
      expect({ key: key.name, actor, orphans }).toEqual({ key: key.name, actor, orphans: 0 });
    }
  }
});

test("what may be hidden is hidden from somebody", async () => {
  const hidden: string[] = [];
  for (const key of keys.filter(({ mayBeHidden }) => mayBeHidden)) {
    const counts = await Promise.all(actors.map((actor) => orphansSeenBy(actor, key)));
    if (counts.some((count) => count > 0)) hidden.push(key.name);
  }
  expect(hidden).toEqual([
    "alterations_quote_id_fkey",
    "bookings_listing_id_fkey",
    "quotes_listing_id_fkey",
    "reviews_booking_id_fkey",
    "reviews_listing_id_fkey",
  ]);
});

test("required relations are non-null, those that may be hidden are nullable", () => {
  const typeOf = (path: string): string => {
    const [name = "", field = ""] = path.split(".");
    const type = schema.getType(name);
    return isObjectType(type) ? String(type.getFields()[field]?.type) : "";
  };
  const paths = [
    "Review.author",
    "Booking.guest",
    "Booking.host",
    "Listing.host",
    "Refund.payment",
  ];
  expect(paths.map(typeOf)).toEqual(["User!", "User!", "User!", "User!", "Payment!"]);
  const nullable = ["Booking.listing", "Quote.listing", "Review.booking", "Review.listing"];
  expect(nullable.map(typeOf)).toEqual(["Listing", "Listing", "Booking", "Listing"]);
});

describe("reading", () => {
  /** The scalars of a type, and its relations to one row, once more each. */
  function selection(typeName: string, depth: number): string {
    const type = schema.getType(typeName);
    if (!isObjectType(type)) return "";
    const fields = Object.values(type.getFields()).flatMap((field) => {
      const inner = getNamedType(field.type);
      const isOne = isNonNullType(field.type) && field.type.ofType === inner;
      if (!isObjectType(inner)) return field.name === "id" ? ["id"] : [];
      return isOne && depth > 0 && field.args.length === 0 && inner.name !== "PageInfo"
        ? [`${field.name} ${selection(inner.name, depth - 1)}`]
        : [];
    });
    return `{ __typename ${fields.join(" ")} }`;
  }

  const DOCUMENTS = (): string[] => [
    `{ bookings(first: 10) { nodes {
         events(first: 5) ${selection("BookingEvent", 1)}
         payments(first: 3) { id booking { id } refunds(first: 3) ${selection("Refund", 1)} }
         reviews(first: 2) ${selection("Review", 1)}
         quote { id lineItems(first: 9) { quote { id } } }
         ledgerTransactions(first: 5) { nodes { entries(first: 5) ${selection("LedgerEntry", 1)} } }
       } } }`,
    `{ bookings { nodes ${selection("Booking", 2)} } quotes { nodes ${selection("Quote", 1)} } }`,
    `{ listings { nodes { host { id } photos(first: 3) ${selection("ListingPhoto", 1)}
         amenities(first: 3) ${selection("ListingAmenity", 1)} address ${selection("ListingAddress", 1)}
         rates { listing { id } datedRates(first: 3) { nodes ${selection("DatedRate", 1)} } }
         calendarClaims(first: 5) { nodes ${selection("CalendarClaim", 1)} }
         reviews(first: 5) { nodes ${selection("Review", 2)} } } } }`,
    `{ ledgerEntries { nodes ${selection("LedgerEntry", 1)} } me { contact { user { id } } } }`,
  ];

  test.each(["guest", "host", "stranger", "operator"])("as a %s gives no error", async (who) => {
    const client: Client =
      who === "stranger"
        ? server.stranger
        : who === "operator"
          ? server.signedIn(market.operator, "operator")
          : server.signedIn(who === "host" ? market.a.host : market.a.guest);
    for (const document of DOCUMENTS()) {
      const answer = await client.send(document);
      expect({ document, errors: answer.errors }).toEqual({ document, errors: [] });
    }
  });
});
