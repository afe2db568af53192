/** The inbox of Stripe's events: what was acknowledged is stored, with its job, once (W1, J1). */
import { beforeAll, expect, test } from "@jest/globals";
import { openTestDatabase, testDatabase } from "../../helpers/database.ts";
import { asOwner, asServer, asVisitor, NOON, refusal, stopClock } from "../../helpers/factories.ts";

const database = testDatabase();

beforeAll(() => stopClock(database, NOON));

const STORE = "select app_private.store_stripe_event($1, $2, $3, $4) as stored";

const store = (id: unknown) =>
  asServer(database, STORE, [id, "payment_intent.succeeded", "pi_1", { id, object: "event" }]);

const jobs = (id: string) =>
  asOwner(database, "select 1 from graphile_worker.jobs where key = $1", [`stripe_event:${id}`]);

const read = (id: unknown) =>
  asServer(database, "select type, object_id, is_processed from app_private.stripe_event($1)", [
    id,
  ]);

test("an event is stored once, however often it is delivered, with one job", async () => {
  expect(await store("evt_1")).toEqual([{ stored: true }]);
  expect(await store("evt_1")).toEqual([{ stored: false }]);
  expect(await jobs("evt_1")).toHaveLength(1);
  expect(await read("evt_1")).toEqual([
    { type: "payment_intent.succeeded", object_id: "pi_1", is_processed: false },
  ]);
});

test("an event delivered by four connections at once is stored by one", async () => {
  const answers = await Promise.all([1, 2, 3, 4].map(() => store("evt_at_once")));
  expect(answers.flat().filter(({ stored }) => stored === true)).toHaveLength(1);
  expect(await jobs("evt_at_once")).toHaveLength(1);
});

test("neither event nor job is there when the transaction is rolled back", async () => {
  await database.withAuthenticator((client) =>
    client.query(STORE, ["evt_lost", "payment_intent.succeeded", "pi_1", {}]),
  );
  expect(await read("evt_lost")).toEqual([{ type: null, object_id: null, is_processed: null }]);
  expect(await jobs("evt_lost")).toHaveLength(0);
});

test("an event that was acted on says so, since the first time", async () => {
  await store("evt_done");
  const mark = () =>
    asServer(database, "select app_private.mark_stripe_event_processed('evt_done')");
  const at = () =>
    asOwner(database, "select processed_at from app_private.stripe_events where id = 'evt_done'");
  await mark();
  const first = await at();
  await stopClock(database, "2031-06-03T11:00:00Z");
  await mark();
  expect(await at()).toEqual(first);
  expect(await read("evt_done")).toMatchObject([{ is_processed: true }]);
  expect(await store("evt_done")).toEqual([{ stored: false }]);
});

test("what has no id of Stripe's is refused", async () => {
  for (const id of ["", "ch_1", "evt_", "evt_a b", `evt_${"x".repeat(251)}`]) {
    expect(await refusal(store(id))).toBe("23514");
  }
  expect(await refusal(store(null))).toBe("23502");
});

test("without its key an event is stored twice (negative control of W1)", async () => {
  const bare = await openTestDatabase();
  try {
    const twice = () =>
      asOwner(
        bare,
        "insert into app_private.stripe_events (id, type, payload) values ('evt_1', 'x', '{}')",
      );
    await twice();
    expect(await refusal(twice())).toBe("23505");
    await asOwner(bare, "alter table app_private.stripe_events drop constraint stripe_events_pkey");
    expect(await refusal(twice())).toBe("it was not refused");
  } finally {
    await bare.dispose();
  }
});

test("no client reads it or writes it", async () => {
  await store("evt_secret");
  const READ = "select id from app_private.stripe_events where id = 'evt_secret'";
  expect(await refusal(asVisitor(database, null, READ))).toBe("42501");
  expect(await refusal(asServer(database, READ))).toBe("42501");
  expect(await refusal(asVisitor(database, null, STORE, ["evt_2", "x", null, {}]))).toBe("42501");
  expect(await asOwner(database, READ)).toHaveLength(1);
});

test("an event that is not ours is kept, and no job acts on it", async () => {
  const kept = await asServer(
    database,
    `select app_private.store_stripe_event(
       'evt_theirs', 'payment_intent.succeeded', 'pi_1', '{}', 'acct_1', true, 'other_account')`,
  );
  expect(kept).toHaveLength(1);
  expect(await read("evt_theirs")).toMatchObject([{ is_processed: true }]);
  expect(await jobs("evt_theirs")).toEqual([]);
  const unknown = asServer(
    database,
    "select app_private.store_stripe_event('evt_odd', 'x', null, '{}', null, null, 'a whim')",
  );
  expect(await refusal(unknown)).toBe("23514");
});

test("a thousand that never come to an end keep nothing else waiting", async () => {
  await asOwner(
    database,
    `insert into app_private.stripe_events (id, type, object_id, payload, received_at)
     select 'evt_bad' || n, 'payment_intent.succeeded', 'pi_bad', '{}'::jsonb,
       app_hidden.clock() - interval '3 hours'
     from generate_series(1, 1000) n
     union all
     select 'evt_good', 'payment_intent.succeeded', 'pi_good', '{}',
       app_hidden.clock() - interval '2 hours'`,
  );
  const requeue = async (): Promise<void> => {
    await asServer(database, "select app_private.requeue_stale_stripe()");
  };
  await requeue();
  expect(await jobs("evt_good")).toEqual([]);
  // Each of the thousand fails for good and is forgotten by the queue.
  await asOwner(
    database,
    "select graphile_worker.remove_job(key) from graphile_worker.jobs where key like 'stripe_event:evt_bad%'",
  );
  await stopClock(database, "2031-06-03T13:00:00Z");
  await requeue();
  expect(await jobs("evt_good")).toHaveLength(1);
});
