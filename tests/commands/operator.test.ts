/** Who is an operator is decided by a command, and counts at once. */
import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { listOperators, setOperator } from "../../src/commands/shared/operators.ts";
import { testDatabase } from "../helpers/database.ts";
import { asOwner, asServer, somebody } from "../helpers/factories.ts";

const database = testDatabase();

async function living(userId: string): Promise<number> {
  const rows = await asOwner(
    database,
    "select from app_private.sessions where user_id = $1 and ended_at is null",
    [userId],
  );
  return rows.length;
}

async function signIn(userId: string): Promise<boolean> {
  const [row] = await asServer(
    database,
    "select is_operator from app_private.start_session($1, $2, 'a browser', '1 day')",
    [userId, randomBytes(32)],
  );
  return row?.is_operator === true;
}

test("an operator is granted and taken by address, and signed out each time", async () => {
  const userId = await somebody(database, "Olga");
  const [contact] = await asOwner(
    database,
    "select email from app_public.user_contacts where user_id = $1",
    [userId],
  );
  const email = String(contact?.email);
  expect(await signIn(userId)).toBe(false);

  expect(await setOperator(database.config, ` ${email.toUpperCase()}`, true)).toEqual({
    changed: true,
    userId,
  });
  expect(await living(userId)).toBe(0);
  expect(await signIn(userId)).toBe(true);
  expect((await listOperators(database.config)).map((each) => each.email)).toEqual([email]);
  // What is so already signs nobody out.
  expect(await setOperator(database.config, email, true)).toMatchObject({ changed: false });
  expect(await living(userId)).toBe(1);

  expect(await setOperator(database.config, email, false)).toMatchObject({ changed: true });
  expect(await living(userId)).toBe(0);
  expect(await signIn(userId)).toBe(false);
  expect(await listOperators(database.config)).toEqual([]);
});

test("whom nobody knows cannot be granted anything", async () => {
  await expect(setOperator(database.config, "nobody@example.com", true)).rejects.toThrow(
    "Nobody has this address",
  );
});
