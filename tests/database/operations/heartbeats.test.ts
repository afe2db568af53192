/** Workers say that they live; the jobs of those that do not are unlocked for others. */
import { beforeEach, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import { asOwner, asServer, asVisitor, refusal } from "../../helpers/factories.ts";

const database = testDatabase();

beforeEach(async () => {
  await asOwner(database, "delete from graphile_worker._private_jobs");
  await asOwner(database, "delete from app_private.worker_heartbeats");
});

const beat = async (workers: string[] | null, timeout = "1 minute") =>
  (
    await asServer(database, "select app_private.record_heartbeat($1, $2) as dead", [
      workers,
      timeout,
    ])
  )[0]?.dead;

/** A job that the worker has begun. */
const begin = (worker: string) =>
  asOwner(
    database,
    `with job as (select (graphile_worker.add_job('mail__send', '{}')).id)
     update graphile_worker._private_jobs j set locked_by = $1, locked_at = now()
     from job where j.id = job.id`,
    [worker],
  ).then(() =>
    asOwner(
      database,
      `update graphile_worker._private_jobs set locked_by = $1, locked_at = now()
       where locked_by is null`,
      [worker],
    ),
  );

const locks = async () =>
  (
    await asOwner(
      database,
      "select locked_by from graphile_worker.jobs where locked_by is not null order by 1",
    )
  ).map(({ locked_by }) => locked_by);

const goQuiet = (worker: string) =>
  asOwner(
    database,
    `update app_private.worker_heartbeats set beat_at = beat_at - interval '61 seconds'
     where worker_id = $1`,
    [worker],
  );

test("the jobs of a worker that has gone quiet are unlocked, the others' are not", async () => {
  await begin("dead");
  await begin("alive");
  expect(await beat(["dead"])).toEqual([]);
  await goQuiet("dead");
  expect(await beat(["alive"])).toEqual(["dead"]);
  expect(await locks()).toEqual(["alive"]);
  expect(await beat(["alive"])).toEqual([]);
});

test("a worker that was never heard of has one time-out to speak up", async () => {
  await begin("stranger");
  expect(await beat(["alive"])).toEqual([]);
  expect(await locks()).toEqual(["stranger"]);
  await goQuiet("stranger");
  expect(await beat(["alive"])).toEqual(["stranger"]);
  expect(await locks()).toEqual([]);
});

test("a worker is never dead to itself, however long it was quiet", async () => {
  await begin("slow");
  await beat(["slow"]);
  await goQuiet("slow");
  expect(await beat(["slow"])).toEqual([]);
  expect(await locks()).toEqual(["slow"]);
});

test("a worker that stops in good order is forgotten", async () => {
  await beat(["one", "two"]);
  await asServer(database, "select app_private.end_heartbeats($1)", [["one"]]);
  const left = await asOwner(database, "select worker_id from app_private.worker_heartbeats");
  expect(left).toEqual([{ worker_id: "two" }]);
});

test("a process without workers rescues all the same", async () => {
  await begin("dead");
  await beat(["dead"]);
  await goQuiet("dead");
  expect(await beat([])).toEqual(["dead"]);
  expect(await beat(null)).toEqual([]);
});

test("clients have no say in it", async () => {
  for (const statement of [
    "select app_private.record_heartbeat('{}', '1 minute')",
    "select * from app_private.worker_heartbeats",
    "select app_hidden.add_job('mail__send', '{}')",
    "select * from graphile_worker.jobs",
  ]) {
    expect(await refusal(asVisitor(database, null, statement))).toBe("42501");
  }
});
