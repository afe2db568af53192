/** A server that takes only the documents that the client's build wrote, and the client that names them. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Find, MyStays } from "../../clients/typescript/examples/documents.ts";
import { gql } from "../../clients/typescript/src/graphql.ts";
import { createStaybase } from "../../clients/typescript/src/index.ts";
import { testDatabase } from "../helpers/database.ts";
import { publishedListing, somebody } from "../helpers/factories.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";
import { stayIn } from "../story/stay.ts";

const run = promisify(execFile);
const CLIENT = fileURLToPath(new URL("../../clients/typescript", import.meta.url));
const LISBON = { west: -9.3, south: 38.6, east: -9, north: 38.8 };

const database = testDatabase();
let folder: string;
let marketplace: Marketplace;
let url: string;
let guest: Person;

/** Runs what `npm run documents` runs, with another folder. */
const trust = (...parts: string[]) =>
  run(process.execPath, ["src/trust.ts", ...parts], { cwd: CLIENT });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "staybase-documents-"));
  await trust(folder, "examples/documents.ts");
  marketplace = await openMarketplace(database, 1, { TRUSTED_DOCUMENTS: folder });
  marketplace.startWorker();
  [url = ""] = marketplace.servers;
  await publishedListing(database, await somebody(database));
  guest = await signUp(marketplace, url, "Gus");
});

afterAll(async () => {
  await marketplace?.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** A client that remembers what it sent and the answers it got. */
function watchedClient() {
  const seen: { method: string; url: URL; cache: string | null }[] = [];
  const client = createStaybase({
    url,
    trustedDocuments: true,
    fetch: async (input, init) => {
      const { method, url: address } = input as Request;
      const answer = await fetch(input, init);
      seen.push({ method, url: new URL(address), cache: answer.headers.get("cache-control") });
      return answer;
    },
  });
  return { ...client, seen };
}

test("the example runs with the documents that it builds, and without their names it does not", async () => {
  const env = {
    PATH: process.env.PATH,
    STAYBASE_URL: url,
    STAYBASE_EMAIL: guest.email,
    STAYBASE_PASSWORD: PASSWORD,
  };
  const example = (more: object) =>
    run(process.execPath, ["examples/graphql.ts"], { cwd: CLIENT, env: { ...env, ...more } });
  const { stdout } = await example({ STAYBASE_TRUSTED: "1" });
  expect(stdout).toMatch(/booked {3}[\w-]+: PENDING_PAYMENT/);
  await expect(example({})).rejects.toMatchObject({ stderr: /^DOCUMENT_UNKNOWN: / });
});

describe("a query", () => {
  test("is asked by GET, so that a cache may keep what a visitor sees", async () => {
    const { graphql, seen } = watchedClient();
    const { searchListings } = await graphql(Find, { ...LISBON, ...stayIn(20, 3), guests: 2 });
    expect(searchListings?.nodes).toHaveLength(1);
    const [sent] = seen;
    expect(sent).toMatchObject({ method: "GET", cache: expect.stringMatching(/^public, max-age/) });
    expect(sent?.url.searchParams.get("documentId")).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test("of who is signed in is kept by nobody", async () => {
    const { graphql, signIn, seen } = watchedClient();
    await signIn(guest.email, PASSWORD);
    const { me } = await graphql(MyStays, { first: 1 });
    expect(me?.bookingsAsGuest.nodes).toHaveLength(1);
    expect(seen.at(-1)).toMatchObject({ method: "GET", cache: "no-store" });
  });

  test("with variables that no address would hold is asked by POST", async () => {
    const { graphql, seen } = watchedClient();
    // A server takes what a document does not declare, and leaves it.
    const long = { ...LISBON, ...stayIn(20, 3), guests: 2, note: "x".repeat(5000) };
    await graphql(Find, long);
    expect(seen.map(({ method }) => method)).toEqual(["POST"]);
  });
});

test("a document that was not built is refused", async () => {
  const { graphql } = watchedClient();
  const refused = { code: "DOCUMENT_UNKNOWN", status: 400 };
  await expect(graphql(gql("{ currencies { code } }"))).rejects.toMatchObject(refused);
  await expect(graphql(gql("mutation { __typename }"))).rejects.toMatchObject(refused);
});

describe("the folder", () => {
  test("keeps what an earlier release asked, and has each document once", async () => {
    const other = join(folder, "other");
    const before = "0".repeat(64);
    await trust(other, "examples/documents.ts");
    await writeFile(join(other, `${before}.graphql`), "{ me { id } }");
    const { stdout } = await trust(other, "examples/documents.ts", "examples/documents.ts");
    expect(stdout).toMatch(/: 5 documents, 0 of them new/);
    expect(await readdir(other)).toContain(`${before}.graphql`);
  });

  test("is not made of nothing", async () => {
    const none = { code: 1, stderr: expect.stringMatching(/exports no document/) };
    await expect(trust(join(folder, "none"), "src/errors.ts")).rejects.toMatchObject(none);
    await expect(trust(folder)).rejects.toMatchObject({ code: 1 });
  });
});
