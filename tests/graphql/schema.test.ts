/**
 * Claims about the API as a whole: the committed text is what the database gives, and what it offers
 * is what the grants and tags.json5 say, no more and no less.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import {
  buildSchema,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isObjectType,
  parse,
  validate,
} from "graphql";
import { STORY_COLUMNS, story } from "../../src/graphql/examples.ts";
import type { CodedOperation } from "../../src/graphql/plugins/coded.ts";
import { buildApi, printApi, SCHEMA_TEXT_FILE } from "../../src/graphql/schemaText.ts";
import { readCodedOperations } from "../../src/http/coded.ts";
import { readOperations } from "../../src/http/openapi.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { testDatabase } from "../helpers/database.ts";

const database = testDatabase();
let text: string;
let schema: GraphQLSchema;
let warnings: string[];
let coded: readonly CodedOperation[];

beforeAll(async () => {
  const { operator } = database.config.database;
  const logger = createLogger({ level: "silent" });
  const warn = jest.spyOn(console, "warn").mockImplementation(() => {});
  coded = await readCodedOperations(await readOperations());
  text = printApi(await buildApi({ pool: database.pool, operator, logger, coded }));
  warnings = warn.mock.calls.map((words) => words.join(" "));
  warn.mockRestore();
  schema = buildSchema(text);
});

test("every line of tags.json5 names something that is there", () => {
  expect(warnings.filter((warning) => warning.includes("no matches"))).toEqual([]);
});

const snakeCase = (name: string): string =>
  name.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();

const tableOf = (type: string): string => {
  const name = snakeCase(type);
  return name.endsWith("y") ? `${name.slice(0, -1)}ies` : `${name}s`;
};

/** The names of the fields of an object or input type; none where there is no such type. */
function fieldsOf(name: string): string[] {
  const type = schema.getType(name);
  return isObjectType(type) || isInputObjectType(type) ? Object.keys(type.getFields()) : [];
}

test("src/graphql/schema.graphql is fresh", async () => {
  const committed = await readFile(SCHEMA_TEXT_FILE, "utf8").catch(() => "");
  if (committed !== text) {
    throw new Error(
      "src/graphql/schema.graphql is stale: run `npm run schema:export` and look at the difference.",
    );
  }
});

test("the story in GraphiQL is valid, fits its half of the screen, and hands on its ids", () => {
  const given = new Set<string>();
  for (const text of story(new Date())) {
    expect(validate(schema, parse(text))).toEqual([]);
    expect(text.split("\n").filter((line) => line.length > STORY_COLUMNS)).toEqual([]);
    const needed = [...text.matchAll(/\$(\w+): /g)].map(([, name = ""]) => name);
    expect(needed.filter((name) => !given.has(name))).toEqual([]);
    for (const [, alias = ""] of text.matchAll(/(\w+): id\b/g)) given.add(alias);
  }
});

describe("mutations", () => {
  const GENERATED = [
    "createListing",
    "createListingPhoto",
    "deleteListingPhoto",
    "updateListing",
    "updateListingPhoto",
    "updateUser",
    "updateUserContact",
  ];

  test("are the functions that clients may execute, those of the list, and what is coded", async () => {
    const { rows } = await database.owner.query<{ name: string }>(
      `select p.proname as name from pg_proc p
       where p.pronamespace = 'app_public'::regnamespace and p.provolatile = 'v'
         and has_function_privilege($1, p.oid, 'EXECUTE')`,
      [database.config.database.operator],
    );
    const functions = rows.map(({ name }) => name);
    const others = [...GENERATED, ...coded.map(({ field }) => field)].map(snakeCase);
    const known = new Set([...fieldsOf("Query"), ...fieldsOf("Mutation")].map(snakeCase));
    expect([...functions, ...others].filter((name) => !known.has(name))).toEqual([]);
    const claimed = new Set([...functions, ...others]);
    expect(fieldsOf("Mutation").filter((name) => !claimed.has(snakeCase(name)))).toEqual([]);
  });

  test.each([
    ["UserPatch", "users", "UPDATE"],
    ["UserContactPatch", "user_contacts", "UPDATE"],
    ["ListingInput", "listings", "INSERT"],
    ["ListingPatch", "listings", "UPDATE"],
    ["ListingPhotoInput", "listing_photos", "INSERT"],
    ["ListingPhotoPatch", "listing_photos", "UPDATE"],
  ])("%s has the columns of %s that visitors may %s", async (type, table, privilege) => {
    const { rows } = await database.owner.query<{ name: string }>(
      `select a.attname as name from pg_attribute a
       where a.attrelid = format('app_public.%I', $1::text)::regclass and a.attnum > 0
         and not a.attisdropped and has_column_privilege($2, a.attrelid, a.attnum, $3)`,
      [table, database.config.database.visitor, privilege],
    );
    const columns = rows.map(({ name }) => name);
    expect(fieldsOf(type).map(snakeCase).toSorted()).toEqual(columns.toSorted());
  });
});

describe("columns to search or sort by", () => {
  /** Every column of a table that an index without a condition has. */
  async function indexedColumns(table: string): Promise<string[]> {
    const { rows } = await database.owner.query<{ name: string }>(
      `select distinct a.attname as name
       from pg_index i
       join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey::smallint[])
       where i.indrelid = format('app_public.%I', $1::text)::regclass and i.indpred is null`,
      [table],
    );
    return rows.map(({ name }) => name);
  }

  const namesEndingWith = (suffix: string): string[] =>
    Object.keys(schema.getTypeMap()).filter((name) => name.endsWith(suffix));

  test("are indexed, in every filter", async () => {
    const scalars = ["Date", "UUID", "Int", "String", "DateRange"];
    const types = namesEndingWith("Filter").filter((name) => {
      const of = name.slice(0, -"Filter".length);
      return !scalars.includes(of) && !isEnumType(schema.getType(of));
    });
    expect(types.length).toBeGreaterThan(5);
    for (const type of types) {
      const indexed = await indexedColumns(tableOf(type.slice(0, -"Filter".length)));
      const unindexed = fieldsOf(type).filter((field) => !indexed.includes(snakeCase(field)));
      expect({ type, unindexed }).toEqual({ type, unindexed: [] });
    }
  });

  test("are indexed, in every order", async () => {
    const types = namesEndingWith("OrderBy");
    expect(types.length).toBeGreaterThan(5);
    for (const type of types) {
      const indexed = await indexedColumns(tableOf(type.slice(0, -"OrderBy".length)));
      const orders = schema.getType(type);
      const names = isEnumType(orders) ? orders.getValues().map(({ name }) => name) : [];
      const unindexed = names
        .map((name) => name.replace(/_(ASC|DESC)$/, "").toLowerCase())
        .filter((name) => !["natural", "primary_key", ...indexed].includes(name));
      expect({ type, unindexed }).toEqual({ type, unindexed: [] });
    }
  });
});

describe("names and exposure", () => {
  test("ids are the rows' own: no Node, no rowId", () => {
    expect(schema.getType("Node")).toBeUndefined();
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isObjectType(type) || type.name.startsWith("__")) continue;
      for (const [name, field] of Object.entries(type.getFields())) {
        expect([name, type.name]).not.toEqual([expect.stringMatching(/nodeId|rowId/i), type.name]);
        if (name === "id") expect(String(field.type)).toBe("UUID!");
      }
    }
  });

  test("aggregates are sums by group, of bookings and ledger entries alone", () => {
    const types = Object.keys(schema.getTypeMap());
    // A sum over everything would add yen to euros.
    expect(types.filter((type) => fieldsOf(type).includes("aggregates"))).toEqual([]);
    const holders = types.filter((type) => fieldsOf(type).includes("groupedAggregates"));
    expect(holders.toSorted()).toEqual(["BookingConnection", "LedgerEntryConnection"]);
    expect(fieldsOf("BookingAggregates").toSorted()).toEqual(["keys", "sum"]);
    expect(fieldsOf("BookingSumAggregates").toSorted()).toEqual([
      "hostAmount",
      "platformAmount",
      "totalAmount",
    ]);
    expect(fieldsOf("LedgerEntrySumAggregates")).toEqual(["amount"]);
  });

  test("people are not listed, and idempotency keys not shown", () => {
    expect(fieldsOf("Query")).toContain("user");
    expect(fieldsOf("Query")).not.toContain("users");
    expect(fieldsOf("Query")).not.toContain("currentUserId");
    expect(fieldsOf("Booking")).not.toContain("idempotencyKey");
    expect(text).not.toMatch(/UserConnection|bookingByQuoteId|ByEmail\(/);
  });

  test("nothing of the server's own schemas is there", () => {
    for (const word of [
      "Secret",
      "SessionConnection",
      "RefreshToken",
      "OneTimeToken",
      "StripeEvent",
      "Heartbeat",
    ]) {
      expect(text).not.toMatch(new RegExp(`^(type|input) ${word}`, "m"));
    }
  });

  test("every exposed column and function has a description", () => {
    const bare: string[] = [];
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isObjectType(type) || /^__|Payload$|Aggregates$|Edge$/.test(type.name)) continue;
      for (const [name, field] of Object.entries(type.getFields())) {
        if (!field.description) bare.push(`${type.name}.${name}`);
      }
    }
    expect(bare).toEqual([]);
  });
});
