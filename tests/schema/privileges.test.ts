/**
 * The privileges matrix: tries every verb on every relation as each kind of person, and every
 * function as each role, and compares with privileges.yaml, the page on which it is decided.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { type Matrix, type Observation, observe, privilegeProblems } from "./privileges.ts";

const database = testDatabase();
let market: Market;
let expected: Matrix;

beforeAll(async () => {
  market = await buildMarket(database);
  const file = new URL("privileges.yaml", import.meta.url);
  expected = parse(await readFile(file, "utf8")) as Matrix;
});

/** What one object's part of the matrix would be after a change, which is taken back. */
async function observeAfter(change: string, name: string): Promise<Observation> {
  return database.scenario(async (scenario) => {
    await scenario.client.query(change);
    return observe(scenario, market, [name]);
  });
}

describe("the privileges matrix", () => {
  test("is what privileges.yaml expects", async () => {
    const { matrix, problems } = await database.scenario((scenario) => observe(scenario, market));
    expect([...problems, ...privilegeProblems(expected, matrix)].join("\n")).toBe("");
  });

  test.each([
    [
      "a policy that lets everybody see",
      "app_public.bookings",
      "create policy oops on app_public.bookings for select to staybase_visitor using (true)",
      /bookings: anonymous has[^}]*}\n {2}observed { stranger: select }/,
    ],
    [
      "a policy that shows a secret to a counterpart",
      "app_public.user_contacts",
      `create policy oops on app_public.user_contacts for select to staybase_visitor using (
         user_id in (select b.host_id from app_public.bookings b))`,
      /user_contacts: guest has[^}]*}\n {2}observed {.*counterpart: select/,
    ],
    [
      "a missing policy",
      "app_public.bookings",
      "drop policy select_host on app_public.bookings",
      /bookings: host has[^}]*}\n {2}observed { counterpart: \(select\)/,
    ],
    [
      "a grant that policies still hold back",
      "app_public.bookings",
      "grant delete on app_public.bookings to staybase_visitor",
      /bookings: guest has[^}]*}\n {2}observed { own: select \(delete\)/,
    ],
    [
      "a column that clients may write",
      "app_public.listings",
      "grant update (status) on app_public.listings to staybase_visitor",
      /listings: other columns .* update[\s\S]*observed {.*visitor, operator.*status/,
    ],
    [
      "a column that operators alone may write",
      "app_public.listings",
      "grant update (status) on app_public.listings to staybase_operator",
      /listings: other columns .* update[\s\S]*observed {.*visitor: .*operator: .*status/,
    ],
    [
      "a column that the authenticator may write",
      "app_public.reviews",
      "grant insert (comment) on app_public.reviews to staybase_authenticator",
      /reviews: other columns .* insert[\s\S]*observed { authenticator: comment }/,
    ],
    [
      "a table that the authenticator may read",
      "app_public.bookings",
      "grant select on app_public.bookings to staybase_authenticator",
      /bookings: authenticator has[^}]*}\n {2}observed { stranger: \(select\) }/,
    ],
    [
      "a grant on a private table",
      "app_private.user_secrets",
      `grant usage on schema app_private to staybase_operator;
       grant select on app_private.user_secrets to staybase_operator`,
      /user_secrets.*tests\/schema\/ownership\.ts/,
    ],
    [
      "a function that was opened",
      "app_private.expire_holds",
      `grant usage on schema app_private to staybase_visitor;
       grant execute on function app_private.expire_holds(integer) to staybase_visitor`,
      /expire_holds\(\) may be called by visitor/,
    ],
    [
      "a function that was closed",
      "app_public.create_booking",
      "revoke execute on function app_public.create_booking(uuid, text) from staybase_visitor",
      /create_booking\(\) may be called by nobody/,
    ],
    [
      "a relation without an entry",
      "app_public.scratch",
      "create table app_public.scratch (id int)",
      /relation app_public\.scratch has no entry[\s\S]*app_public\.scratch: nobody/,
    ],
    [
      "a function without an entry",
      "app_hidden.scratch",
      "create function app_hidden.scratch() returns int language sql return 1",
      /function app_hidden\.scratch has no entry/,
    ],
  ])("would find out about %s", async (_what, name, change, message) => {
    const { matrix, problems } = await observeAfter(change, name);
    const found = [...problems, ...privilegeProblems(expected, matrix)];
    expect(found.join("\n")).toMatch(message);
  });

  test("would find out about entries of things that are gone", () => {
    const gone: Matrix = {
      relations: { "app_public.gone": "nobody" },
      functions: { "app_public.gone": "visitor" },
    };
    expect(privilegeProblems(gone, { relations: {}, functions: {} })).toEqual([
      expect.stringContaining("relation app_public.gone, which is gone"),
      expect.stringContaining("function app_public.gone, which is gone"),
    ]);
  });
});
