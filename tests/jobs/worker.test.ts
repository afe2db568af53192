/**
 * Claims about the worker itself: a job runs once while its worker lives and again when it does
 * not, whatever is wrong ends the process in good order, and requests cannot starve it.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { SMTPServer } from "smtp-server";
import { startWorker } from "../../src/worker.ts";
import { testDatabase } from "../helpers/database.ts";
import {
  asOwner,
  asServer,
  bookingStatus,
  hold,
  NOON,
  paidBooking,
  publishedListing,
  somebody,
  stopClock,
} from "../helpers/factories.ts";
import { openMarketplace, type RunningProcess, waitUntil } from "../helpers/marketplace.ts";
import {
  openTestResources,
  type TestResources,
  type TestResourcesOptions,
} from "../helpers/resources.ts";

const database = testDatabase();
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await asOwner(database, "delete from graphile_worker._private_jobs");
  await asOwner(database, "delete from app_private.worker_heartbeats");
});

async function open(options: TestResourcesOptions = {}): Promise<TestResources> {
  const opened = await openTestResources(database, options);
  cleanups.push(() => opened.dispose());
  return opened;
}

async function work(opened: TestResources): Promise<void> {
  const worker = await startWorker(opened.resources);
  cleanups.push(() => worker.stop());
}

/** A mail server that answers when and what the test wants; resolves to its address. */
async function mailServer(
  options: ConstructorParameters<typeof SMTPServer>[0],
): Promise<{ url: string }> {
  const server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    ...options,
  });
  server.on("error", () => {});
  const listener = server.listen(0, "127.0.0.1");
  await once(listener, "listening");
  cleanups.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = listener.address();
  if (typeof address !== "object" || address === null) throw new Error("There is no port.");
  return { url: `smtp://127.0.0.1:${address.port}?ignoreTLS=true` };
}

const HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";

/** Somebody registers, which queues the mail to them. */
const register = (email: string): Promise<unknown> =>
  asServer(database, "select app_private.register($1, 'Ada', $2)", [email, HASH]);

const waiting = async (task: string): Promise<Record<string, unknown>[]> =>
  asOwner(
    database,
    `select attempts, last_error, locked_by from graphile_worker.jobs
     where task_identifier = $1`,
    [task],
  );

const untilDone = (task: string): Promise<void> =>
  waitUntil(`${task} is done`, async () => (await waiting(task)).length === 0);

test("a job that outlives the time-out runs once, beside a second worker that beats", async () => {
  const held: (() => void)[] = [];
  const { url } = await mailServer({
    onData: (stream, _session, callback) => {
      stream.resume();
      stream.once("end", () => held.push(() => callback()));
    },
  });
  const both = [
    await open({ smtpUrl: url, heartbeatSeconds: 0.2 }),
    await open({ smtpUrl: url, heartbeatSeconds: 0.2 }),
  ];
  for (const one of both) await work(one);
  await register("slow@example.com");
  await waitUntil("the mail is on its way", () => held.length > 0);
  const [begun] = await asOwner(database, "select clock_timestamp() as at");

  // Seven time-outs: enough to be unlocked and to be found by the next look into the queue.
  await waitUntil("both workers have beaten on", async () => {
    const beats = await asOwner(
      database,
      `select from app_private.worker_heartbeats
       where beat_at > $1::timestamptz + interval '4.2 seconds'`,
      [begun?.at],
    );
    return beats.length >= 2;
  });
  const holders = await asOwner(
    database,
    `select j.attempts from graphile_worker.jobs j
     join app_private.worker_heartbeats h on h.worker_id = j.locked_by`,
  );
  expect(holders).toEqual([{ attempts: 1 }]);
  for (const release of held) release();
  await untilDone("mail__send_registration");
  expect(held).toHaveLength(1);
  for (const one of both) expect(one.log()).not.toContain("unlocked the jobs");
});

test("works while requests hold every connection of the process's pool", async () => {
  const opened = await open({ poolSize: 1 });
  const busy = await opened.resources.pool.connect();
  cleanups.push(() => busy.release());
  await work(opened);
  await asOwner(database, "select app_hidden.add_job('maintenance__purge_expired', '{}')");
  await untilDone("maintenance__purge_expired");
});

test("does jobs that were queued under a name of the first release", async () => {
  await work(await open());
  await asOwner(database, "select app_hidden.add_job('purge_expired', '{}')");
  await untilDone("purge_expired");
});

async function workerProcess(): Promise<RunningProcess> {
  const marketplace = await openMarketplace(database, 0);
  cleanups.push(() => marketplace.dispose());
  const worker = marketplace.startWorker();
  await runs(worker);
  return worker;
}

const runs = (worker: RunningProcess): Promise<void> =>
  waitUntil("the worker runs", () => worker.output().includes("the worker runs"));

const heartbeats = (): Promise<unknown[]> =>
  asOwner(database, "select worker_id from app_private.worker_heartbeats");

test("the job of a worker that was killed is run by the next", async () => {
  const marketplace = await openMarketplace(database, 0);
  cleanups.push(() => marketplace.dispose());
  marketplace.stripe.control({
    fail: { match: "GET /v1/payment_intents/*", when: "before", how: "timeout", times: 100 },
  });
  const victim = marketplace.startWorker();
  await asServer(
    database,
    "select app_private.store_stripe_event('evt_1', 'payment_intent.succeeded', 'pi_1', '{}')",
  );
  await waitUntil("the worker hangs in the job, and beats", async () => {
    const [job] = await waiting("stripe__process_event");
    return job?.locked_by != null && (await heartbeats()).length > 0;
  });
  await victim.kill();
  marketplace.stripe.control({ reset: true });

  const next = marketplace.startWorker();
  await untilDone("stripe__process_event");
  expect(next.output()).toContain("unlocked the jobs of dead workers");
  const events = await asOwner(database, "select processed_at from app_private.stripe_events");
  expect(events).toEqual([{ processed_at: expect.any(Date) }]);
});

test("a database that fails at the end of a job ends the process in good order, with 1", async () => {
  const worker = await workerProcess();
  await waitUntil("it beats", async () => (await heartbeats()).length > 0);
  await asOwner(
    database,
    `create function app_private.refuse() returns trigger language plpgsql as $$
     begin raise exception 'the disk is full' using errcode = '53100'; end $$;
     create trigger refuse before delete on graphile_worker._private_jobs
     for each row execute function app_private.refuse()`,
  );
  cleanups.push(() =>
    asOwner(
      database,
      `drop trigger refuse on graphile_worker._private_jobs;
       drop function app_private.refuse()`,
    ),
  );
  await asOwner(database, "select app_hidden.add_job('maintenance__purge_expired', '{}')");
  await waitUntil("the process has ended", () => worker.exitCode() !== null);
  expect(worker.exitCode()).toBe(1);
  expect(worker.output()).toMatch(/"level":"fatal".*the disk is full.*the process ends/);
  // It signed off: that is the end of an orderly stop.
  expect(await heartbeats()).toEqual([]);
  expect(await waiting("maintenance__purge_expired")).toHaveLength(1);
});

test("a worker that ends by itself ends its process, with 1", async () => {
  const worker = await workerProcess();
  const notice = JSON.stringify({ breaking: true, migrationNumber: 99 });
  await waitUntil("the process has ended", async () => {
    await asOwner(database, "select pg_notify('worker:migrate', $1)", [notice]);
    return worker.exitCode() !== null;
  });
  expect(worker.exitCode()).toBe(1);
  expect(worker.output()).toMatch(/"level":"fatal".*The worker ended by itself/);
  expect(await heartbeats()).toEqual([]);
});

/** A mail server that refuses every recipient and quotes it, as real ones do. */
async function workWithRefusals(responseCode: number): Promise<TestResources> {
  const { url } = await mailServer({
    onRcptTo: ({ address }, _session, callback) =>
      callback(Object.assign(new Error(`<${address}>: no such user`), { responseCode })),
  });
  const opened = await open({ smtpUrl: url });
  await work(opened);
  return opened;
}

test("a mail that is refused for good is tried once, and no address is in the log", async () => {
  const opened = await workWithRefusals(550);
  await register("gone@example.com");
  await untilDone("mail__send_registration");
  expect(opened.log()).toMatch(/"level":"error".*<registration-.*it is not repeated/);
  expect(opened.log()).toContain("550");
  expect(opened.log()).not.toContain("gone@example.com");
});

test("a mail that is refused for now is repeated, and the queue keeps no address", async () => {
  const opened = await workWithRefusals(451);
  await register("later@example.com");
  await waitUntil("it has failed once", async () => {
    const [job] = await waiting("mail__send_registration");
    return job?.attempts === 1 && job.last_error !== null && job.locked_by === null;
  });
  const [job] = await waiting("mail__send_registration");
  expect(job?.last_error).toContain("EENVELOPE, RCPT TO, 451");
  expect(`${job?.last_error} ${opened.log()}`).not.toContain("later@example.com");
});

test("a stay that somebody holds while its job runs is completed when they let go", async () => {
  cleanups.push(() => stopClock(database, null));
  await stopClock(database, NOON);
  const guest = await somebody(database, "Gero");
  const listing = await publishedListing(database, await somebody(database, "Hanna"));
  const booking = await paidBooking(database, guest, listing);
  await stopClock(database, "2031-07-01T12:00:00Z");
  const holder = await database.owner.connect();
  cleanups.push(() => holder.release(true));
  await holder.query("begin");
  await holder.query("select app_hidden.lock_booking($1)", [booking]);

  await work(await open());
  await asOwner(database, "select app_hidden.add_job('booking__complete_stays', '{}')");
  await waitUntil("the job has passed over it", async () => {
    const [job] = await waiting("booking__complete_stays");
    return job?.attempts === 1 && job.last_error !== null && job.locked_by === null;
  });
  const [job] = await waiting("booking__complete_stays");
  expect(job?.last_error).toContain("Stays that are over and not completed: 1.");
  expect(await bookingStatus(database, booking)).toBe("confirmed");
  await holder.query("rollback");
  await untilDone("booking__complete_stays");
  expect(await bookingStatus(database, booking)).toBe("completed");
});

test("while Stripe hangs, what does not ask it goes on", async () => {
  const hanging = createServer(() => undefined);
  await new Promise<void>((resolve) => hanging.listen(0, "127.0.0.1", resolve));
  const { port } = hanging.address() as AddressInfo;
  const opened = await open({ stripeUrl: `http://127.0.0.1:${port}` });
  const guest = await somebody(database, "Gero");
  const listing = await publishedListing(database, await somebody(database, "Hanna"));
  const soon = (days: number): string =>
    new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const booking = await hold(database, guest, listing, [soon(10), soon(12)]);
  await asOwner(
    database,
    `select app_private.store_stripe_event(
       'evt_hangs' || n, 'payment_intent.succeeded', 'pi_hangs' || n, '{}')
     from generate_series(1, 50) n`,
  );
  await work(opened);
  // Before the worker is stopped, which would wait for it.
  cleanups.push(() => {
    hanging.close();
    hanging.closeAllConnections();
  });
  await waitUntil("Stripe is asked as often as there are slots", async () => {
    const asked = await new Promise<number>((resolve) =>
      hanging.getConnections((_error, count) => resolve(count)),
    );
    return asked >= opened.resources.config.worker.stripeConcurrency;
  });
  await asOwner(
    database,
    "update app_public.calendar_claims set expires_at = app_hidden.clock() where booking_id = $1",
    [booking],
  );
  await asOwner(
    database,
    "update app_public.bookings set hold_expires_at = app_hidden.clock() where id = $1",
    [booking],
  );
  await asOwner(database, "select graphile_worker.add_job('booking__expire_holds')");
  await waitUntil("the hold expires", async () => {
    return (await bookingStatus(database, booking)) === "expired";
  });
  const done = await asOwner(
    database,
    `select 1 from app_private.stripe_events
     where processed_at is not null and id like 'evt_hangs%'`,
  );
  expect(done).toEqual([]);
});
