/** How a person comes to be, and that nobody learns from it who is registered. */
import { createHash, randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  NOON,
  one,
  refusal,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";

const database = testDatabase();
const HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";

beforeEach(() => stopClock(database, NOON));

const newAddress = (): string => `${randomUUID()}@example.com`;
const sha256 = (value: string): Buffer => createHash("sha256").update(value).digest();

async function register(email: string, name = "Rita", hash = HASH): Promise<string> {
  const before = await asOwner(database, "select id from app_private.registrations");
  await asServer(database, "select app_private.register($1, $2, $3)", [email, name, hash]);
  return text(
    await asOwner(
      database,
      "select id from app_private.registrations where not id = any ($1::uuid[])",
      [before.map(({ id }) => id)],
    ),
    "id",
  );
}

const setToken = (registration: string, token: string) =>
  asServer(database, "select * from app_private.set_registration_token($1, $2)", [
    registration,
    sha256(token),
  ]);

const confirm = (token: string) =>
  asServer(database, "select app_private.confirm_registration($1) as id", [sha256(token)]);

const passwordOf = async (token: string): Promise<string> =>
  text(
    await asServer(database, "select app_private.find_registration($1) as hash", [sha256(token)]),
    "hash",
  );

const isKnown = async (email: string): Promise<boolean> =>
  (await asOwner(database, "select from app_public.user_contacts where email = $1", [email]))
    .length > 0;

const mailJobs = (registration: string) =>
  asOwner(
    database,
    `select 1 from graphile_worker._private_jobs j
     join graphile_worker._private_tasks t on t.id = j.task_id
     where t.identifier = 'mail__send_registration' and j.payload ->> 'registrationId' = $1`,
    [registration],
  );

describe("registering", () => {
  test("makes nobody before the address is proven", async () => {
    const email = newAddress();
    const registration = await register(email);
    expect(await isKnown(email)).toBe(false);
    expect(await mailJobs(registration)).toHaveLength(1);

    await setToken(registration, "proof of the mailbox");
    const id = text(await confirm("proof of the mailbox"), "id");
    const found = await asOwner(
      database,
      `select c.email, c.email_verified_at is not null as verified, s.password_hash
       from app_public.user_contacts c join app_private.user_secrets s using (user_id)
       where c.user_id = $1`,
      [id],
    );
    expect(one(found)).toEqual({ email, verified: true, password_hash: HASH });
  });

  test("answers and acts alike for a known and an unknown address", async () => {
    const known = newAddress();
    await setToken(await register(known), "first");
    await confirm("first");

    for (const email of [known, newAddress()]) {
      const rows = await asServer(database, "select app_private.register($1, $2, $3) as answer", [
        email,
        "Rita",
        HASH,
      ]);
      expect(rows).toEqual([{ answer: "" }]);
    }
    // Only the mail differs, and that goes to the mailbox's owner.
    const again = one(await setToken(await register(known), "second"));
    expect(again).toMatchObject({ email: known, has_account: true });
    const other = one(await setToken(await register(newAddress()), "third"));
    expect(other).toMatchObject({ has_account: false });
  });

  test("cannot take over an address that has an account", async () => {
    const email = newAddress();
    await setToken(await register(email), "mine");
    await setToken(await register(email, "Mallory"), "hers");
    const mine = text(await confirm("mine"), "id");
    expect(await refusal(confirm("hers"))).toBe("SBI03");
    const found = await asOwner(
      database,
      "select user_id from app_public.user_contacts where email = $1",
      [email],
    );
    expect(found).toEqual([{ user_id: mine }]);
  });

  test("spells an address in one way", async () => {
    const email = newAddress();
    await setToken(await register(`  ${email.toUpperCase()} `), "spelling");
    await confirm("spelling");
    const found = await asServer(database, "select * from app_private.find_credentials($1)", [
      email.toUpperCase(),
    ]);
    expect(one(found)).toMatchObject({ password_hash: HASH });
  });

  test("refuses what is no address, no name, or a password in the clear", async () => {
    for (const [email, name, hash] of [
      ["nobody", "Rita", HASH],
      [`${"a".repeat(250)}@example.com`, "Rita", HASH],
      [newAddress(), " ", HASH],
      [newAddress(), "R".repeat(81), HASH],
      [newAddress(), "Rita", "secret"],
    ]) {
      const attempt = asServer(database, "select app_private.register($1, $2, $3)", [
        email,
        name,
        hash,
      ]);
      expect(await refusal(attempt)).toBe("23514");
    }
  });
});

describe("the link in the mail", () => {
  test("goes with the password of its own registration", async () => {
    const email = newAddress();
    const others = HASH.replace("aGFzaA", "b3RoZXI");
    await setToken(await register(email, "Mallory", others), "of Mallory");
    await setToken(await register(email), "of Rita");
    expect(await passwordOf("of Mallory")).toBe(others);
    expect(await passwordOf("of Rita")).toBe(HASH);
    await confirm("of Rita");
    const gone = await asServer(database, "select app_private.find_registration($1) as hash", [
      sha256("of Rita"),
    ]);
    expect(gone).toEqual([{ hash: null }]);
  });

  test("works once", async () => {
    await setToken(await register(newAddress()), "once");
    await confirm("once");
    expect(await refusal(confirm("once"))).toBe("SBI03");
  });

  test("stops working after an hour, however late its mail is", async () => {
    const [email, other] = [newAddress(), newAddress()];
    const registration = await register(email);
    const forgotten = await register(other);
    await stopClock(database, "2031-06-03T10:30:00Z");
    await setToken(registration, "late");
    await setToken(await register(newAddress()), "in time");
    await stopClock(database, "2031-06-03T11:29:00Z");
    await expect(confirm("in time")).resolves.toHaveLength(1);
    await stopClock(database, "2031-06-03T11:30:00Z");
    expect(await refusal(confirm("late"))).toBe("SBI03");
    expect(await isKnown(email)).toBe(false);
    // Who was mailed nothing for a day has to register again.
    expect(await setToken(forgotten, "none")).toEqual([
      { email: null, display_name: null, has_account: null },
    ]);
  });

  test("stops working when the mail is sent again", async () => {
    const registration = await register(newAddress());
    await setToken(registration, "old");
    await setToken(registration, "new");
    expect(await refusal(confirm("old"))).toBe("SBI03");
    await expect(confirm("new")).resolves.toHaveLength(1);
  });

  test("is nothing where no token is", async () => {
    await register(newAddress());
    const attempt = asServer(database, "select app_private.confirm_registration(null)");
    expect(await refusal(attempt)).toBe("SBI03");
  });
});

test("what is past its time is forgotten, and nothing else", async () => {
  const stale = await register(newAddress());
  await stopClock(database, "2031-06-03T11:00:01Z");
  const fresh = await register(newAddress());
  await asServer(database, "select app_private.purge_expired_identity()");
  const left = await asOwner(
    database,
    "select id from app_private.registrations where id = any ($1)",
    [[stale, fresh]],
  );
  expect(left).toEqual([{ id: fresh }]);
});

test("nobody's credentials are nulls", async () => {
  const found = await asServer(database, "select * from app_private.find_credentials($1)", [
    newAddress(),
  ]);
  expect(found).toEqual([{ user_id: null, password_hash: null }]);
});

test("a job exists if and only if its cause was committed", async () => {
  const jobs = () => asOwner(database, "select id from graphile_worker._private_jobs order by id");
  const before = await jobs();
  await database.withAuthenticator((client) =>
    client.query("select app_private.register($1, 'Rita', $2)", [newAddress(), HASH]),
  );
  expect(await jobs()).toEqual(before);
  await register(newAddress());
  expect(await jobs()).toHaveLength(before.length + 1);
});

describe("a profile", () => {
  test("is public, the contacts are not", async () => {
    const [rita, other] = [await somebody(database, "Rita"), await somebody(database)];
    const contact = "select user_id from app_public.user_contacts where user_id = $1";
    const profile = "select display_name from app_public.users where id = $1";
    const seen = (reader: string | null, statement: string) =>
      database.withVisitor(reader, async (client) => (await client.query(statement, [rita])).rows);
    expect(await seen(null, profile)).toEqual([{ display_name: "Rita" }]);
    expect(await seen(null, contact)).toEqual([]);
    expect(await seen(other, contact)).toEqual([]);
    expect(await seen(rita, contact)).toEqual([{ user_id: rita }]);
    expect(await asOwner(database, contact, [rita])).toEqual([{ user_id: rita }]);
  });

  test("is edited by its person alone, within bounds", async () => {
    const [rita, other] = [await somebody(database, "Rita"), await somebody(database)];
    const rename = (editor: string, changes: string) =>
      database.commitAsVisitor(editor, (client) =>
        client.query(`update app_public.users set ${changes} where id = $1`, [rita]),
      );
    expect((await rename(other, "bio = 'Hers.'")).rowCount).toBe(0);
    expect((await rename(rita, "bio = 'Mine.', languages = '{pt,en}'")).rowCount).toBe(1);
    for (const changes of [
      "display_name = ' '",
      "display_name = repeat(' ', 1000000) || 'R'",
      "bio = repeat('x', 5001)",
      "languages = array_fill('en'::text, array[21])",
      "languages = array[repeat('x', 100000)]",
      "languages = array[null]::text[]",
      "languages = array[['pt'], ['en']]",
      "avatar_url = 'http://example.com/me.jpg'",
    ]) {
      expect(await refusal(rename(rita, changes))).toBe("23514");
    }
    expect(await refusal(rename(rita, "host_since = now()"))).toBe("42501");
    const found = await asOwner(database, "select bio from app_public.users where id = $1", [rita]);
    expect(found).toEqual([{ bio: "Mine." }]);
  });

  test("me is who is signed in", async () => {
    const rita = await somebody(database, "Rita");
    const me = (reader: string | null) =>
      database.withVisitor(reader, async (client) => {
        const { rows } = await client.query("select (app_public.me()).id");
        return rows;
      });
    expect(await me(rita)).toEqual([{ id: rita }]);
    expect(await me(null)).toEqual([{ id: null }]);
  });
});
