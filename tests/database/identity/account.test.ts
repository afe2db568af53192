/** Links that are opened at once, and a password that changes meanwhile: one after the other. */
import { createHash, randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  processOf,
  refusal,
  somebody,
  text,
  untilBlocked,
} from "../../helpers/factories.ts";

const database = testDatabase();

const HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA";
const RESET = "select app_private.reset_password($1, $2)";
const hashOf = (token: string): Buffer => createHash("sha256").update(token).digest();

interface Link {
  readonly userId: string;
  readonly email: string;
  readonly hash: Buffer;
}

/** Somebody who has forgotten their password, and the link that was mailed. */
async function forgetful(): Promise<Link> {
  const userId = await somebody(database);
  const email = text(
    await asOwner(database, "select email from app_public.user_contacts where user_id = $1", [
      userId,
    ]),
    "email",
  );
  await asServer(database, "select app_private.request_password_reset($1)", [email]);
  const tokenId = text(
    await asOwner(
      database,
      "select id from app_private.one_time_tokens where email = $1 order by id desc limit 1",
      [email],
    ),
    "id",
  );
  const hash = hashOf(randomUUID());
  await asServer(database, "select app_private.set_one_time_token($1, $2)", [tokenId, hash]);
  return { userId, email, hash };
}

/**
 * Somebody changes how they sign in and is about to take all links out of use; at the same time
 * one of the links is opened. Says how both end.
 */
async function meet({ userId, email, hash }: Link): Promise<string[]> {
  const [first, second] = [await database.owner.connect(), await database.pool.connect()];
  try {
    await first.query("begin");
    await first.query("select from app_public.user_contacts where user_id = $1 for update", [
      userId,
    ]);
    const pid = await processOf(second);
    const opened = refusal(second.query(RESET, [hash, HASH]));
    await untilBlocked(database, pid);
    const ending = first.query("delete from app_private.one_time_tokens where email = $1", [email]);
    const outcome = await refusal(ending);
    await first.query(outcome === NOT_REFUSED ? "commit" : "rollback");
    return [outcome, await opened];
  } finally {
    first.release();
    second.release();
  }
}

const NOT_REFUSED = "it was not refused";

test("a link that is opened while the password changes waits, and neither waits for the other", async () => {
  expect(await meet(await forgetful())).toEqual([NOT_REFUSED, "SBI04"]);
});

test("without the lock of the contacts, the two would wait for each other (control)", async () => {
  const name = "app_hidden.use_one_time_token(bytea,text)";
  const [{ definition } = { definition: "" }] = await asOwner(
    database,
    `select pg_get_functiondef('${name}'::regprocedure) as definition`,
  );
  const guarded = String(definition);
  const bare = guarded.replace(
    /perform from app_public\.user_contacts[\s\S]*?for update of c;/,
    "",
  );
  expect(bare).not.toBe(guarded);
  await asOwner(database, bare);
  try {
    expect(await meet(await forgetful())).toContain("40P01");
  } finally {
    await asOwner(database, guarded);
  }
});

test("a link works for its purpose alone, and for nobody whose address has gone", async () => {
  const link = await forgetful();
  const confirm = asServer(database, "select app_private.confirm_email_change($1)", [link.hash]);
  expect(await refusal(confirm)).toBe("SBI04");
  await asOwner(database, "update app_public.user_contacts set email = $2 where user_id = $1", [
    link.userId,
    `moved-${randomUUID()}@example.com`,
  ]);
  expect(await refusal(asServer(database, RESET, [link.hash, HASH]))).toBe("SBI04");
});
