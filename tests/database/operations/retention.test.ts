/** What the nightly job forgets, and what it leaves; docs/retention.md has the whole list. */
import { afterEach, beforeAll, expect, test } from "@jest/globals";
import { travel } from "../../helpers/clock.ts";
import { testDatabase } from "../../helpers/database.ts";
import { asOwner, asServer, somebody } from "../../helpers/factories.ts";
import { buildMarket, type Market } from "../../helpers/fixture.ts";

const database = testDatabase();
let market: Market;

beforeAll(async () => {
  market = await buildMarket(database);
});
afterEach(() => travel(database, null));

const rows = (statement: string, ...values: unknown[]) => asOwner(database, statement, values);
const purge = (name: string) => asServer(database, `select app_private.${name}()`);

test("offers of changes stay with their booking, others go after a week", async () => {
  await travel(database, "8 days");
  await purge("purge_quotes");
  expect(await rows("select from app_public.alterations")).not.toHaveLength(0);
  const loose = `select from app_public.quotes q
    where not exists (select from app_public.bookings b where b.quote_id = q.id)
      and not exists (select from app_public.alterations a where a.quote_id = q.id)`;
  expect(await rows(loose)).toHaveLength(0);
});

test("a session goes a week after it has ended, and not before", async () => {
  const person = await somebody(database);
  await asServer(
    database,
    "select app_private.start_session($1, sha256('1'), 'Firefox', '30 days', '192.0.2.1')",
    [person],
  );
  const sessions = () => rows("select from app_private.sessions where user_id = $1", person);
  await travel(database, "8 days");
  await purge("purge_expired_identity");
  expect(await sessions()).toHaveLength(1);
  await travel(database, null);
  await rows("select app_hidden.end_sessions($1)", person);
  await travel(database, "6 days");
  await purge("purge_expired_identity");
  expect(await sessions()).toHaveLength(1);
  await travel(database, "8 days");
  await purge("purge_expired_identity");
  expect(await sessions()).toHaveLength(0);
});

test("after a year the audit log says what was done, and from where no longer", async () => {
  const person = await somebody(database);
  await rows("select app_hidden.audit('password_changed', $1, $1, network => '192.0.2.3')", person);
  const entry = "select network from app_public.audit_entries where user_id = $1";
  await travel(database, "360 days");
  await purge("purge_expired_identity");
  expect(await rows(entry, person)).toEqual([{ network: "192.0.2.3" }]);
  await travel(database, "370 days");
  await purge("purge_expired_identity");
  expect(await rows(entry, person)).toEqual([{ network: "" }]);
});

test("who was mailed what goes after ninety days, once its event has gone", async () => {
  const { guest } = market.a;
  await rows(
    `insert into app_private.mails (kind, user_id, booking_id, event_id)
     select 'refund_sent', b.guest_id, b.id, e.id
     from app_public.bookings b
     cross join lateral (
       select e.id from app_private.events e where e.subject = b.id limit 1
     ) e
     where b.guest_id = $1 limit 1`,
    guest,
  );
  const mails = () => rows("select from app_private.mails where user_id = $1", guest);
  const before = (await mails()).length;
  expect(before).toBeGreaterThan(0);
  await travel(database, "91 days");
  await purge("purge_mails");
  expect(await mails()).toHaveLength(before);
  await rows("update app_private.mails set event_id = null where user_id = $1", guest);
  await travel(database, "89 days");
  await purge("purge_mails");
  expect(await mails()).toHaveLength(before);
  await travel(database, "91 days");
  await purge("purge_mails");
  expect(await mails()).toHaveLength(0);
});

test("whom Stripe still knows after an erasure, is asked for again", async () => {
  const person = await somebody(database);
  await rows(
    "insert into app_private.stripe_customers (user_id, stripe_customer_id) values ($1, 'cus_9')",
    person,
  );
  await asServer(database, "select app_private.close_account($1)", [person]);
  const requeued = () => asServer(database, "select app_private.requeue_erasures() as done");
  expect(await requeued()).toEqual([{ done: 0 }]);
  await rows("delete from graphile_worker._private_jobs");
  expect(await requeued()).toEqual([{ done: 1 }]);
  expect(await requeued()).toEqual([{ done: 0 }]);
  await asServer(database, "select app_private.forget_stripe_customer($1)", [person]);
  await rows("delete from graphile_worker._private_jobs");
  expect(await requeued()).toEqual([{ done: 0 }]);
});
