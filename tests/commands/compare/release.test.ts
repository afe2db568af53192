/**
 * What breaks clients of the last release is found, and decided: in GraphQL, on the page of what is
 * meant, and in the version that may follow.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import {
  type Decided,
  readDecided,
  undecided,
  versionFault,
  writeDecided,
} from "../../../src/commands/schema/compare/meant.ts";
import { compareSdl } from "../../../src/commands/schema/compare/sdl.ts";
import {
  compareApis,
  readApi,
  readReleased,
  writeReleased,
} from "../../../src/commands/schema/compare.ts";
import { ROOT } from "../../tidy/repository.ts";

const SDL = `type Query {
  listing(id: ID!, currency: String = "EUR"): Listing
  listings(filter: Filter): [Listing!]!
}
type Listing implements Named { id: ID! title: String! status: Status! }
interface Named { title: String! }
input Filter { status: Status city: String }
enum Status { DRAFT PUBLISHED }
`;

describe("in GraphQL, a client notices that", () => {
  test.each([
    ["a field is gone", "title: String! status: Status!", "title: String!"],
    ["a type is gone", "type Listing implements Named", "type Place implements Named"],
    ["a field may be null", "id: ID! title", "id: ID title"],
    ["a field has another type", "id: ID! title", "id: Int! title"],
    ["an argument is gone", ', currency: String = "EUR"', ""],
    ["an argument is required", "(filter: Filter)", "(filter: Filter!)"],
    ["a new argument is required", "id: ID!,", "id: ID!, guests: Int!,"],
    ["a member of an input is gone", " city: String }", " }"],
    ["a member of an input is required", "city: String", "city: String!"],
    ["a new member of an input is required", "city: String", "city: String page: Int!"],
    ["another default is taken", '= "EUR"', '= "USD"'],
    ["a default is gone", ' = "EUR"', ""],
    ["a word is gone", "DRAFT PUBLISHED", "PUBLISHED"],
    ["an interface is gone", "Listing implements Named", "Listing"],
  ])("%s", async (_name, from, to) => {
    const changed = SDL.replace(from, to).replaceAll(
      /\bListing\b(?=[\]!\n])/g,
      to.startsWith("type Place") ? "Place" : "Listing",
    );
    expect(changed).not.toBe(SDL);
    expect(await compareSdl(SDL, changed)).not.toEqual([]);
  });

  test.each([
    ["something is described", "type Listing", '"A place." type Listing'],
    ["a field is new", "id: ID! title", "id: ID! city: String title"],
    ["a field is never null", "): Listing", "): Listing!"],
    ["a type is new", "enum Status", "type Photo { url: String! } enum Status"],
    ["a new argument is optional", "id: ID!,", "id: ID!, guests: Int,"],
    ["an argument may be left out", "id: ID!,", "id: ID,"],
    ["a new member of an input is optional", "city: String", "city: String page: Int"],
    ["a word is new", "DRAFT PUBLISHED", "DRAFT PAUSED PUBLISHED"],
    ["a field is deprecated", "title: String! status", "title: String! @deprecated status"],
  ])("no more than %s is none", async (_name, from, to) => {
    const changed = SDL.replace(from, to);
    expect(changed).not.toBe(SDL);
    expect(await compareSdl(SDL, changed)).toEqual([]);
  });
});

const GONE = "REST: GET /me is gone";
const REASON = "Nobody has called it for a year.";
const page = (meant: Decided["meant"]): Decided => ({ release: "0.1.0", meant });

test("a breaking change is a mistake unless it is meant, and what is meant must be one", () => {
  expect(undecided([], page([]))).toEqual([]);
  expect(undecided([GONE], page([]))).toEqual([`Breaks clients: ${GONE}`]);
  expect(undecided([GONE], page([{ change: GONE, reason: REASON }]))).toEqual([]);
  expect(undecided([], page([{ change: GONE, reason: REASON }]))).toEqual([
    `Meant, but nothing changes so any more: ${GONE}`,
  ]);
  // Word for word, so that one decision does not cover another change.
  expect(undecided([GONE], page([{ change: `${GONE}.`, reason: REASON }]))).toHaveLength(2);
});

test("what is meant has a reason", () => {
  const decided = page([{ change: GONE, reason: REASON }]);
  expect(readDecided(writeDecided(decided))).toEqual(decided);
  for (const text of [
    "",
    "release: 0.1.0",
    "meant: []",
    `release: 0.1.0\nmeant:\n  - ${JSON.stringify(GONE)}`,
    `release: 0.1.0\nmeant:\n  - change: ${JSON.stringify(GONE)}`,
    `release: 0.1.0\nmeant:\n  - change: ${JSON.stringify(GONE)}\n    reason: ok`,
  ]) {
    expect(() => readDecided(text)).toThrow("meant.yaml");
  }
});

test("a version that breaks clients says so", () => {
  const breaking = [{ change: GONE, reason: REASON }];
  const fits = (version: string, release: string, meant: Decided["meant"]): boolean =>
    versionFault(version, { release, meant }) === undefined;
  expect(fits("0.1.1", "0.1.0", [])).toBe(true);
  expect(fits("0.1.1", "0.1.0", breaking)).toBe(false);
  expect(fits("0.2.0", "0.1.0", breaking)).toBe(true);
  expect(fits("1.0.0", "0.9.0", breaking)).toBe(true);
  expect(fits("1.3.0", "1.2.9", breaking)).toBe(false);
  expect(fits("2.0.0", "1.2.9", breaking)).toBe(true);
  for (const version of ["0.1.0", "0.0.9"]) expect(fits(version, "0.1.0", [])).toBe(false);
});

test("a release is what the next one is compared with", async () => {
  const folder = await mkdtemp(join(tmpdir(), "staybase-released-"));
  try {
    const now = await readApi();
    await writeReleased(folder, now, "0.3.0");
    const released = await readReleased(folder);
    expect(released.decided).toEqual({ release: "0.3.0", meant: [] });
    expect(await compareApis(released, now)).toEqual([]);

    const without = { ...now, sdl: now.sdl.replace("countryCode: String!", "countryCode: Int!") };
    const file = join(folder, "openapi.json");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replaceAll("/amenities", "/equipment"));
    const found = await compareApis(await readReleased(folder), without);
    expect(found).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^GraphQL: .*countryCode/),
        "REST: GET /equipment is gone",
      ]),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("nothing that was not meant breaks clients of the last release", async () => {
  // Fails with the list, and with what to do.
  const run = promisify(execFile)(process.execPath, ["src/commands/schema/compare.ts"], {
    cwd: ROOT,
  });
  await expect(run).resolves.toMatchObject({ stdout: expect.stringContaining("go on") });
});
