/** Proofs of a provider that meet each other, a registration, or the removal of a way to sign in. */
import { createHash, randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  one,
  processOf,
  refusal,
  somebody,
  text,
  untilBlocked,
} from "../../helpers/factories.ts";
import { waitUntil } from "../../helpers/marketplace.ts";

const database = testDatabase();

const ISSUER = "https://accounts.example.com";
const CHALLENGE = "x".repeat(43);
const SIGN_IN = "select user_id, is_new from app_private.sign_in_with_oidc($1, $2)";
const hashOf = (token: string): Buffer => createHash("sha256").update(token).digest();

/** Keeps a proof and gives the hash of its code. */
async function prove(email: string, subject: string = randomUUID()): Promise<Buffer> {
  const hash = hashOf(randomUUID());
  const values = [hash, CHALLENGE, ISSUER, subject, email, true, "Ora"];
  await asServer(
    database,
    "select app_private.keep_oidc_proof($1, $2, $3, $4, $5, $6, $7)",
    values,
  );
  return hash;
}

/**
 * Somebody confirms a registration and has not yet committed when a provider proves the same
 * address. Says how the sign-in ends, and whether both are one person.
 */
async function meetRegistration(): Promise<unknown> {
  const email = `${randomUUID()}@example.com`;
  const hash = await prove(email);
  const token = hashOf(randomUUID());
  await asOwner(
    database,
    `insert into app_private.registrations (email, display_name, password_hash, token_hash)
     values ($1, 'Ora', '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA', $2)`,
    [email, token],
  );
  const [first, second] = [await database.owner.connect(), await database.pool.connect()];
  try {
    await first.query("begin");
    const confirmed = await first.query("select app_private.confirm_registration($1) as id", [
      token,
    ]);
    const pid = await processOf(second);
    const signedIn = second.query(SIGN_IN, [hash, CHALLENGE]);
    const refused = refusal(signedIn);
    await untilBlocked(database, pid);
    await first.query("commit");
    const outcome = await refused;
    if (outcome !== NOT_REFUSED) return outcome;
    return one((await signedIn).rows).user_id === text(confirmed.rows, "id");
  } finally {
    first.release();
    second.release();
  }
}

const NOT_REFUSED = "it was not refused";

/** Puts another body in the place of a function, and takes it back. */
async function withChanged(
  name: string,
  from: RegExp,
  to: string,
  work: () => Promise<void>,
): Promise<void> {
  const rows = await asOwner(
    database,
    `select pg_get_functiondef('${name}'::regprocedure) as definition`,
  );
  const guarded = text(rows, "definition");
  const bare = guarded.replace(from, to);
  expect(bare).not.toBe(guarded);
  await asOwner(database, bare);
  try {
    await work();
  } finally {
    await asOwner(database, guarded);
  }
}

test("an address that is registered meanwhile is joined, and no error", async () => {
  expect(await meetRegistration()).toBe(true);
});

test("without looking again, it would be an error (control)", async () => {
  await withChanged(
    "app_private.sign_in_with_oidc(bytea,text)",
    /exception\s+when unique_violation then\s+user_id := [^;]*;/,
    "",
    async () => expect(await meetRegistration()).toBe("23505"),
  );
});

/** Somebody without a password who signs in with two providers removes both at once. */
async function removeBoth(): Promise<string[]> {
  const userId = await somebody(database);
  await asOwner(database, "delete from app_private.user_secrets where user_id = $1", [userId]);
  const ids = ["https://a.example", "https://b.example"].map(async (issuer) =>
    text(
      await asOwner(
        database,
        `insert into app_private.identities (issuer, subject, user_id) values ($1, $2, $3)
         returning id`,
        [issuer, randomUUID(), userId],
      ),
      "id",
    ),
  );
  const [here = "", there = ""] = await Promise.all(ids);
  const remove = "select app_private.remove_identity($1, $2)";
  const first = await database.pool.connect();
  try {
    await first.query("begin");
    const one = await refusal(first.query(remove, [userId, here]));
    const second = await database.pool.connect();
    try {
      const pid = await processOf(second);
      let isOver = false;
      const other = refusal(second.query(remove, [userId, there])).finally(() => {
        isOver = true;
      });
      await waitUntil("it waits, or is over", async () => {
        const locks = "select from pg_locks where pid = $1 and not granted";
        return isOver || (await asOwner(database, locks, [pid])).length > 0;
      });
      await first.query("commit");
      return [one, await other];
    } finally {
      second.release();
    }
  } finally {
    first.release();
  }
}

test("of two ways to sign in that are removed at once, one is left", async () => {
  expect(await removeBoth()).toEqual([NOT_REFUSED, "SBI24"]);
});

test("without the lock of the contacts, none would be left (control)", async () => {
  await withChanged("app_private.remove_identity(uuid,uuid)", /for update/, "", async () =>
    expect(await removeBoth()).toEqual([NOT_REFUSED, NOT_REFUSED]),
  );
});

test("one proof that is used in two ways at once is used once, and nobody waits for the other", async () => {
  const userId = await somebody(database);
  const email = text(
    await asOwner(database, "select email from app_public.user_contacts where user_id = $1", [
      userId,
    ]),
    "email",
  );
  for (let round = 0; round < 10; round += 1) {
    await asOwner(database, "delete from app_private.identities where user_id = $1", [userId]);
    const hash = await prove(email);
    const link = "select app_private.link_identity($1, $2, $3)";
    const outcomes = await Promise.all([
      refusal(database.pool.query(SIGN_IN, [hash, CHALLENGE])),
      refusal(database.pool.query(link, [userId, hash, CHALLENGE])),
    ]);
    expect(outcomes.sort()).toEqual(["SBI20", NOT_REFUSED]);
  }
});
