/** The life of a booking in one test: time is moved, and nobody waits for it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { clockOffset, moveClock, readMove } from "../../src/commands/shared/clock.ts";
import { welcome } from "../../src/dev/welcome.ts";
import { DAY, HOUR, testClock } from "../helpers/clock.ts";
import { testDatabase } from "../helpers/database.ts";
import { COMPILED, type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { type Person, signUp } from "./people.ts";
import { bookingStatus, createBooking, createQuote, offerListing, pay, stayIn } from "./stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let guest: Person;
let listingId: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  const [server = ""] = marketplace.servers;
  const host = await signUp(marketplace, server, "Hana");
  guest = await signUp(marketplace, server, "Gus");
  listingId = await offerListing(host.client);
});

afterEach(() => testClock(database).reset());

afterAll(async () => {
  await marketplace?.dispose();
});

const until = (bookingId: string, status: string) =>
  waitUntil(`the booking is ${status}`, async () => {
    return (await bookingStatus(guest.client, bookingId)) === status;
  });

test("a booking is made, paid and completed", async () => {
  const clock = testClock(database, marketplace.stripe);
  const quote = await createQuote(guest.client, listingId, stayIn(30, 3));
  const booking = await createBooking(guest.client, quote.id, "life-of-one");
  await pay(marketplace, guest.client, booking.id);
  await until(booking.id, "CONFIRMED");
  await clock.forward(31 * DAY);
  // The stay has begun: the job of the crontab that the move queued finds nothing to complete.
  await waitUntil("the jobs of the move have run", async () => (await waiting("clock:%")) === 0);
  expect(await bookingStatus(guest.client, booking.id)).toBe("CONFIRMED");
  await clock.forward(3 * DAY);
  await until(booking.id, "COMPLETED");
});

test("a hold that nobody pays expires", async () => {
  const quote = await createQuote(guest.client, listingId, stayIn(50, 3));
  const booking = await createBooking(guest.client, quote.id, "life-of-two");
  await testClock(database).forward(HOUR);
  await until(booking.id, "EXPIRED");
});

async function waiting(key: string): Promise<number> {
  const { rows } = await database.owner.query(
    "select count(*)::int as count from graphile_worker.jobs where key like $1",
    [key],
  );
  return rows[0].count;
}

const addJob = (key: string, after: string) =>
  database.owner.query(
    `select app_hidden.add_job('booking__expire_holds', '{}', $1,
       run_at => app_hidden.clock() + $2::interval)`,
    [key, after],
  );

test("jobs come due by the moved clock, and not before", async () => {
  const clock = testClock(database);
  await addJob("test:soon", "2 hours");
  await addJob("test:late", "4 hours");
  await clock.forward(3 * HOUR);
  await waitUntil("the job has run", async () => (await waiting("test:soon")) === 0);
  expect(await waiting("test:late")).toBe(1);
  // What is queued while the clock is ahead has the same wait.
  await addJob("test:later", "1 hour");
  await clock.forward(HOUR + 60);
  await waitUntil("both have run", async () => (await waiting("test:late%")) === 0);
});

test("the clock is set to an instant, goes on from there, and is set right", async () => {
  const clock = testClock(database);
  await clock.set("2035-03-28T00:30:00Z");
  const { rows } = await database.owner.query(
    "select app_hidden.clock() - timestamptz '2035-03-28T00:30Z' < interval '1 minute' as near",
  );
  expect(rows).toEqual([{ near: true }]);
  await clock.reset();
  expect(await clockOffset(database.owner)).toBe(0);
});

test("production is refused, and its clock stays", async () => {
  const config = { ...database.config, environment: "production" as const };
  await expect(moveClock(config, { forwardSeconds: 60 })).rejects.toThrow(/production/);
  expect(await clockOffset(database.owner)).toBe(0);
  // Negative control: the same outside production moves it.
  await moveClock(database.config, { forwardSeconds: 60 });
  expect(await clockOffset(database.owner)).toBe(60);
});

test("a time is read, and what is none is refused", () => {
  expect(readMove("+25h")).toEqual({ forwardSeconds: 90_000 });
  expect(readMove("-30m")).toEqual({ forwardSeconds: -1800 });
  expect(readMove("reset")).toEqual({ reset: true });
  expect(readMove("2027-03-28T00:30Z")).toEqual({ instant: new Date("2027-03-28T00:30Z") });
  for (const text of ["", "25h", "+25", "+h", "tomorrow", "2027-03-28", "2027-13-28T00:30Z"]) {
    expect(() => readMove(text)).toThrow(/is no time/);
  }
});

/** What a command writes, whatever its exit code. */
async function run(program: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH ?? "",
    ...COMPILED,
    NODE_ENV: "test",
    DATABASE_URL: database.url,
    ROOT_DATABASE_URL: database.rootUrl,
  };
  const file = `src/commands/${program}.ts`;
  const ended = promisify(execFile)(process.execPath, [file, ...args], { env });
  return ended.then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
}

test("the command moves the clock, and everybody who is asked says so", async () => {
  expect(await run("clock")).toContain("The clock is true.");
  expect(await run("db/status")).not.toContain("The clock");
  expect(await run("clock", "+25h")).toContain("The clock is 1d 1h ahead.");
  expect(await run("db/status")).toContain("The clock is 1d 1h ahead.");
  expect(await run("doctor")).toContain("The clock is 1d 1h ahead.");
  expect(await run("clock", "reset")).toContain("The clock is true.");
  const standIns = { config: database.config, started: [], close: async () => {} };
  expect(welcome(standIns, undefined, 90_000)).toContain("The clock is 1d 1h ahead.");
  expect(welcome(standIns, undefined, 0)).not.toContain("The clock");
});
