/**
 * Locks on what many writers meet at are taken by one function each, named lock_<what>, so that
 * their order (sql/README.md) can be read and kept.
 */
import { describe, expect, test } from "@jest/globals";
import { SQL_FOLDER, sqlFiles } from "./files.ts";
import type { TextFile } from "./proofs.ts";

/** The tables in the order of locks. */
const TABLES = [
  "app_public.users",
  "app_public.listings",
  "app_hidden.listing_availability",
  "app_public.bookings",
  "app_public.payments",
  "app_public.refunds",
  "app_public.ledger_accounts",
];

/** Each batch of stays is taken by one worker; another passes over them, so nobody waits. */
const EXCEPTIONS = new Set(["bookings/server/complete_stays.sql"]);

const LOCK =
  /\bfor\s+(?:no\s+key\s+)?update\b(?!\s+to\b)|\bfor\s+(?:key\s+)?share\b|\block\s+table\b/;

/** Statements that lock rows of these tables outside the functions made for it. */
function lockProblems({ path, text }: TextFile): string[] {
  if (/\/lock_[a-z_]+\.sql$/.test(path) || EXCEPTIONS.has(path)) return [];
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/--.*$/gm, "");
  return code.split(";").flatMap((statement) => {
    if (!LOCK.test(statement)) return [];
    return TABLES.filter((table) => new RegExp(`${table}\\b`).test(statement)).map(
      (table) =>
        `sql/${path} locks ${table} by itself. Call the lock_ function of that table, in the ` +
        "order that sql/README.md gives.",
    );
  });
}

describe("locks", () => {
  test("are taken by the functions made for them", async () => {
    expect((await sqlFiles(SQL_FOLDER)).flatMap(lockProblems)).toEqual([]);
  });

  test.each([
    "select 1 from app_public.bookings b where b.id = x for update;",
    "perform from app_hidden.listing_availability a order by 1\n  for no key update;",
    "select p.* into v from app_public.payments p for share;",
    "lock table app_public.listings in exclusive mode;",
    "select 1 from app_public.users u for update skip locked;",
  ])("would be found out in: %s", (text) => {
    expect(lockProblems({ path: "a/mutations/one.sql", text })).toHaveLength(1);
  });

  test("may be described, and policies for update are no locks", () => {
    for (const text of [
      "-- select 1 from app_public.bookings for update;",
      "create policy p on app_public.users for update to visitor using (true);",
    ]) {
      expect(lockProblems({ path: "a/policies/ones.sql", text })).toEqual([]);
    }
  });
});
