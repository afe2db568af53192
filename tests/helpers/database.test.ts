import { describe, expect, test } from "@jest/globals";
import { openTestDatabase, testDatabase } from "./database.ts";

const database = testDatabase();

async function whoAmI(client: { query: (text: string) => Promise<{ rows: unknown[] }> }) {
  const { rows } = await client.query(
    `select session_user::text as session, current_user::text as role,
       nullif(current_setting('staybase.user_id', true), '') as user_id`,
  );
  return rows[0];
}

const USER = "00000000-0000-4000-8000-000000000001";

describe("a test database", () => {
  test("lets each actor act under its own role and claims", async () => {
    const session = "staybase_authenticator";
    expect(await database.withVisitor(USER, whoAmI)).toEqual({
      session,
      role: "staybase_visitor",
      user_id: USER,
    });
    expect(await database.withVisitor(null, whoAmI)).toEqual({
      session,
      role: "staybase_visitor",
      user_id: null,
    });
    expect(await database.withOperator(USER, whoAmI)).toEqual({
      session,
      role: "staybase_operator",
      user_id: USER,
    });
    expect(await database.withAuthenticator(whoAmI)).toEqual({
      session,
      role: session,
      user_id: null,
    });
    expect(await whoAmI(database.owner)).toMatchObject({ role: "staybase_owner" });
  });

  test("lets several people act in one transaction and survives the refusal of one", async () => {
    await database.scenario(async (scenario) => {
      await scenario.client.query("create table scratch (id integer)");
      const refused = scenario.asVisitor(USER, (client) => client.query("select from scratch"));
      await expect(refused).rejects.toMatchObject({ code: "42501" });
      expect(await scenario.asVisitor(USER, whoAmI)).toMatchObject({
        role: "staybase_visitor",
        user_id: USER,
      });
      expect(await whoAmI(scenario.client)).toMatchObject({
        role: "staybase_owner",
        user_id: null,
      });
      await expect(scenario.client.query("select from scratch")).resolves.toBeDefined();
    });
    const { rows } = await database.owner.query("select to_regclass('scratch') as found");
    expect(rows).toEqual([{ found: null }]);
  });

  test("keeps nothing of what an actor did, unless it is committed", async () => {
    await database.owner.query("create table public.kept (id integer)");
    await database.owner.query("grant select, insert on public.kept to staybase_visitor");
    await database.withVisitor(USER, (client) =>
      client.query("insert into public.kept values (1)"),
    );
    await database.commitAsVisitor(USER, (client) =>
      client.query("insert into public.kept values (2)"),
    );
    const { rows } = await database.owner.query("select id from public.kept");
    expect(rows).toEqual([{ id: 2 }]);
    await database.owner.query("drop table public.kept");
  });

  test("is closed to everybody but the authenticator, and gone after use", async () => {
    const other = await openTestDatabase();
    const { rows } = await other.owner.query(
      `select has_database_privilege('staybase_visitor', current_database(), 'CONNECT') as visitor,
         has_database_privilege('staybase_authenticator', current_database(), 'CONNECT') as server`,
    );
    expect(rows).toEqual([{ visitor: false, server: true }]);
    await other.dispose();
    const left = await database.owner.query("select from pg_database where datname = $1", [
      other.name,
    ]);
    expect(left.rowCount).toBe(0);
  });
});
