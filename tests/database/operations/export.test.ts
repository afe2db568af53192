/** All data of a person as one document: whole, without secrets, and without anybody else's. */
import { createHash, randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { isRecord } from "../../../src/values.ts";
import { travel } from "../../helpers/clock.ts";
import { testDatabase } from "../../helpers/database.ts";
import { asOwner, asServer, one, refusal, somebody } from "../../helpers/factories.ts";
import { buildMarket, type Story } from "../../helpers/fixture.ts";
import { rowsOf } from "../../helpers/marks.ts";

const database = testDatabase();
const REQUEST = "select app_private.request_export($1)";
let a: Story;
let b: Story;

beforeAll(async () => {
  ({ a, b } = await buildMarket(database));
  // What the market has none of.
  const rows = [
    "insert into app_private.second_factors values ($1, decode(repeat('00', 64), 'hex'), now(), now())",
    "insert into app_private.user_quotas values ($1, 'holds', 9)",
    "insert into app_private.stripe_customers (user_id, stripe_customer_id) values ($1, 'cus_1')",
    "insert into app_private.identities (issuer, subject, user_id) values ('i', 's', $1)",
    "insert into app_private.operators (user_id) values ($1)",
    `insert into app_private.imported_hosts (source, external_id, user_id)
     values ('elsewhere', '7', $1)`,
    "select app_private.request_email_change($1, 'new@example.com')",
    "select app_hidden.tell_account($1, 'password_changed', 'old@example.com')",
    `insert into app_private.mails (kind, user_id, booking_id)
     select 'booking_confirmed_host', b.host_id, b.id from app_public.bookings b
     where b.host_id = $1 limit 1`,
    `insert into app_private.imported_listings (source, external_id, listing_id, content_hash)
     select 'elsewhere', '8', l.id, 'hash' from app_public.listings l where l.host_id = $1 limit 1`,
    `insert into app_hidden.imported_review_scores (listing_id, review_count)
     select l.id, 3 from app_public.listings l where l.host_id = $1 limit 1`,
    "insert into app_private.data_exports (user_id, built_at) values ($1, now())",
  ];
  for (const row of rows) await asOwner(database, row, [a.host]);
});

async function exported(userId: string): Promise<Record<string, unknown>> {
  const rows = await asServer(database, "select app_private.export_user($1) as document", [userId]);
  const { document } = one(rows);
  if (!isRecord(document)) throw new Error("There is no document.");
  return document;
}

/** What is found on a way such as `listings.photos`, through all lists on it. */
function on(way: string, value: unknown): unknown[] {
  return way.split(".").reduce<unknown[]>(
    (found, name) =>
      found.flatMap((each) => {
        const next = isRecord(each) ? each[name] : undefined;
        return next === undefined || next === null ? [] : Array.isArray(next) ? next : [next];
      }),
    [value],
  );
}

/** Where the rows of a table are in the document of a host or a guest. */
const WHERE: Readonly<Record<string, string>> = {
  "app_hidden.imported_review_scores": "listings.importedScores",
  "app_private.account_notices": "notices",
  "app_private.data_exports": "exports",
  "app_private.identities": "identities",
  "app_private.imported_hosts": "imports",
  "app_private.imported_listings": "listings.imports",
  "app_private.mails": "mails",
  "app_private.one_time_tokens": "links",
  "app_private.operators": "operator",
  "app_private.public_places": "places",
  "app_private.second_factors": "secondFactor",
  "app_private.sessions": "sessions",
  "app_private.stripe_customers": "stripe",
  "app_private.user_quotas": "quotas",
  "app_private.user_secrets": "password",
  "app_public.alterations": "bookingsAsGuest.alterations",
  "app_public.audit_entries": "auditEntries",
  "app_public.booking_events": "bookingsAsGuest.events",
  "app_public.bookings": "bookingsAsGuest",
  "app_public.calendar_claims": "listings.claims",
  "app_public.cancellation_line_items": "bookingsAsGuest.cancellation.lineItems",
  "app_public.cancellations": "bookingsAsGuest.cancellation",
  "app_public.dated_rates": "listings.datedRates",
  "app_public.ledger_accounts": "ledgerAccounts",
  "app_public.ledger_entries": "ledgerAccounts.entries",
  "app_public.ledger_transactions": "ledgerAccounts.entries.kind",
  "app_public.listing_addresses": "listings.address",
  "app_public.listing_amenities": "listings.amenities",
  "app_public.listing_photos": "listings.photos",
  "app_public.listing_rates": "listings.rates",
  "app_public.listings": "listings",
  "app_public.payments": "bookingsAsGuest.payments",
  "app_public.quote_line_items": "quotes.lineItems",
  "app_public.quotes": "quotes",
  "app_public.refunds": "bookingsAsGuest.payments.refunds",
  "app_public.reviews": "reviewsWritten",
  "app_public.unknown_charges": "bookingsAsGuest.unknownCharges",
  "app_public.user_contacts": "contact",
  "app_public.users": "profile",
};

/** Why a table that leads to a person is in no document. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "app_public.suspensions": "Who is suspended cannot ask; that it was so, the audit log says.",
  "app_hidden.listing_availability": "computed from listings, rates and claims",
  "app_hidden.search_cells": "computed from listings",
  "app_hidden.search_projection": "computed from listings",
  "app_private.data_export_parts": "it is the document",
  "app_private.erasures": "who is in there has nothing any more",
  "app_private.idempotency_keys": "hashes and sealed answers of a day, which the person was given",
  "app_private.recovery_codes": "hashes of secrets",
  "app_private.refresh_tokens": "hashes of secrets",
};

/** Every table from which foreign keys lead to a person, however far. */
async function tablesOfPeople(): Promise<string[]> {
  const rows = await asOwner(
    database,
    `with recursive leads (id) as (
       select 'app_public.users'::regclass::oid
       union
       select k.conrelid from pg_constraint k join leads l on k.confrelid = l.id
       where k.contype = 'f' and k.connamespace::regnamespace::text like 'app\\_%'
     )
     select id::regclass::text as name from leads order by 1`,
  );
  return rows.map(({ name }) => String(name));
}

describe("the data of a person", () => {
  test("have every table that leads to people, or a reason why not", async () => {
    const tables = await tablesOfPeople();
    expect(tables.length).toBeGreaterThan(35);
    const known = [...Object.keys(WHERE), ...Object.keys(LEFT_OUT)];
    expect(tables.filter((table) => !known.includes(table))).toEqual([]);
    const documents = [await exported(a.host), await exported(a.guest)];
    const empty = Object.entries(WHERE).filter(
      ([, way]) => !documents.some((document) => on(way, document).length > 0),
    );
    expect(empty).toEqual([]);
  });

  test("have all rows of the person, and amounts as text", async () => {
    const document = await exported(a.guest);
    for (const [table, column] of [
      ["bookings", "guest_id"],
      ["quotes", "guest_id"],
      ["audit_entries", "user_id"],
    ]) {
      const rows = await asOwner(
        database,
        `select id::text as id from app_public.${table} where ${column} = $1 order by id`,
        [a.guest],
      );
      const way = { bookings: "bookingsAsGuest", quotes: "quotes" }[table ?? ""] ?? "auditEntries";
      expect(on(`${way}.id`, document)).toEqual(rows.map(({ id }) => id));
    }
    const amounts = on("bookingsAsGuest.totalAmount", document);
    expect(amounts.length).toBeGreaterThan(0);
    for (const amount of amounts) expect(amount).toMatch(/^[0-9]+$/);
  });

  test("have no secret, and nothing of others but what was seen of them", async () => {
    for (const person of [a.host, a.guest]) {
      const text = JSON.stringify(await exported(person));
      expect(text).not.toMatch(/argon2|token_?hash|sealed|key_?hash/i);
      const others = await asOwner(
        database,
        `select u.display_name::text as name, c.email::text as email, c.phone
         from app_public.users u join app_public.user_contacts c on c.user_id = u.id
         where u.id <> $1`,
        [person],
      );
      for (const { name, email } of others) {
        expect(text).not.toContain(String(email));
        expect(text).not.toContain(String(name));
      }
      // Nobody of the other story is in there, and no row of theirs.
      expect(text).not.toContain(b.host);
      expect(text).not.toContain(b.guest);
    }
    const host = await exported(a.host);
    expect(on("bookingsAsHost.idempotencyKey", host)).toEqual([]);
    expect(on("bookingsAsHost.payments", host)).toEqual([]);
    // The host has written of the guest, and it is not published: the guest reads it later.
    const guest = await exported(a.guest);
    expect(on("reviewsReceived", guest)).toEqual([]);
    expect(on("reviewsWritten", host)).toHaveLength(1);
    expect((await rowsOf(database, a.guest)).has("app_public.reviews")).toBe(true);
  });
});

describe("the wish for one's data", () => {
  const build = async (person: string, token = randomUUID()): Promise<Buffer> => {
    const hash = createHash("sha256").update(token).digest();
    await asServer(database, "select app_private.build_export($1, $2)", [
      await newest(person),
      hash,
    ]);
    return hash;
  };
  const newest = async (person: string): Promise<string> =>
    String(
      one(
        await asOwner(
          database,
          "select id::text as id from app_private.data_exports where user_id = $1 order by id desc limit 1",
          [person],
        ),
      ).id,
    );

  test("is one at a time, three a day, and audited", async () => {
    const person = await somebody(database);
    for (let day = 0; day < 3; day += 1) {
      await asServer(database, REQUEST, [person]);
      // EXPORT_LIMIT
      expect(await refusal(asServer(database, REQUEST, [person]))).toBe("SBI31");
      await build(person);
    }
    expect(await refusal(asServer(database, REQUEST, [person]))).toBe("SBI31");
    const audited = await asOwner(
      database,
      "select from app_public.audit_entries where user_id = $1 and action = 'export_requested'",
      [person],
    );
    expect(audited).toHaveLength(3);
    await travel(database, "25 hours");
    await asServer(database, REQUEST, [person]);
    await travel(database, null);
  });

  test("is a document in parts, for a day, by its token alone", async () => {
    const person = await somebody(database);
    await asOwner(
      database,
      `insert into app_private.mails (kind, user_id, booking_id)
       select 'booking_confirmed_host', $1, b.id
       from generate_series(1, 12000), (select id from app_public.bookings limit 1) b`,
      [person],
    );
    await asServer(database, REQUEST, [person]);
    const hash = await build(person);
    const parts: Buffer[] = [];
    const read = async (part: number, by = hash): Promise<Buffer | null> => {
      const rows = await asServer(database, "select app_private.read_export($1, $2) as content", [
        by,
        part,
      ]);
      return one(rows).content as Buffer | null;
    };
    for (let part = 0; ; part += 1) {
      const content = await read(part);
      if (content === null) break;
      parts.push(content);
    }
    expect(parts.length).toBeGreaterThan(2);
    const document: unknown = JSON.parse(Buffer.concat(parts).toString());
    expect(on("mails", document)).toHaveLength(12_000);
    expect(await read(0, createHash("sha256").update("another").digest())).toBeNull();
    await travel(database, "25 hours");
    expect(await read(0)).toBeNull();
    await asServer(database, "select app_private.purge_exports()");
    await travel(database, null);
    expect(await read(0)).toBeNull();
    const left = await asOwner(database, "select from app_private.data_export_parts");
    expect(left).toHaveLength(0);
  });
});
