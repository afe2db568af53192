/** A server that is told which documents it may take: those, by their names, and nothing else. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { hashOf, readTrustedDocuments } from "../../src/graphql/trusted.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { signUp } from "../story/people.ts";

const LIST = "query ($first: Int) { currencies(first: $first) { code } }";
const ME = "{ me { id } }";
const RENAME = `mutation ($id: UUID!, $bio: String) {
  updateUser(input: { id: $id, patch: { bio: $bio } }) { user { bio } } }`;

const database = testDatabase();
let folder: string;
let marketplace: Marketplace;
let server: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "staybase-trusted-"));
  for (const text of [LIST, ME, RENAME]) {
    await writeFile(join(folder, `${hashOf(text)}.graphql`), text);
  }
  marketplace = await openMarketplace(database, 1, {
    TRUSTED_DOCUMENTS: folder,
    CORS_ORIGINS: "https://app.example",
    TRUST_PROXY: "1",
  });
  marketplace.startWorker();
  [server = ""] = marketplace.servers;
});

afterAll(async () => {
  await marketplace?.dispose();
  await rm(folder, { recursive: true });
});

interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { data?: unknown; errors?: { extensions: { code: string } }[] };
}

async function answerTo(url: string, init: RequestInit): Promise<Sent> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  const body = (text === "" ? {} : JSON.parse(text)) as Sent["body"];
  return { status: answer.status, headers: answer.headers, body };
}

const post = (body: object, headers = {}): Promise<Sent> =>
  answerTo(`${server}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      ...headers,
    },
    body: JSON.stringify(body),
  });

const get = (query: Record<string, string>, headers = {}, method = "GET"): Promise<Sent> =>
  answerTo(`${server}/graphql?${new URLSearchParams(query)}`, {
    method,
    headers: { accept: "application/graphql-response+json", ...headers },
  });

const codeOf = ({ body }: Sent): string | undefined => body.errors?.[0]?.extensions.code;

describe("a trusted document", () => {
  test.each<[string, (hash: string) => object]>([
    ["its hash", (hash) => ({ documentId: hash })],
    ["its hash with a prefix", (hash) => ({ documentId: `sha256:${hash}` })],
    ["the way of Apollo", (hash) => ({ extensions: { persistedQuery: { sha256Hash: hash } } })],
    ["its hash, whatever text comes along", (hash) => ({ documentId: hash, query: ME })],
  ])("is run by %s", async (_what, named) => {
    const { status, body } = await post({ ...named(hashOf(LIST)), variables: { first: 1 } });
    expect([status, body]).toEqual([200, { data: { currencies: [{ code: expect.any(String) }] } }]);
  });

  test("is run by GET for visitors, and may be kept on the way", async () => {
    const query = { documentId: hashOf(LIST), variables: '{"first":2}' };
    const { status, headers, body } = await get(query);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ currencies: [{}, {}] });
    expect(headers.get("cache-control")).toBe("public, max-age=0, s-maxage=5");
    expect(headers.get("vary")?.split(/, */).sort()).toEqual(["Accept", "Authorization", "Origin"]);
    // What a client has left is told by POST, and to nobody else.
    const elsewhere = { "x-forwarded-for": "203.0.113.9" };
    expect((await get(query, elsewhere)).headers.get("ratelimit")).toBeNull();
    const posted = await post({ documentId: hashOf(LIST) }, elsewhere);
    expect(posted.headers.get("ratelimit")).toMatch(/^"cost";r=/);
    const head = await get(query, {}, "HEAD");
    expect([head.status, head.body]).toEqual([200, {}]);
  });

  test("is never kept for who is signed in, nor by POST, nor with an error", async () => {
    const { client, userId } = await signUp(marketplace, server, "Gus");
    const session = await client.post("/v1/auth/login", {
      email: "gus@example.com",
      password: "correct horse battery",
    });
    const authorization = `Bearer ${String(session.body.accessToken)}`;
    const mine = await get({ documentId: hashOf(ME) }, { authorization });
    expect(mine.body.data).toEqual({ me: { id: userId } });
    expect(mine.headers.get("cache-control")).toBe("no-store");
    const nobody = await get({ documentId: hashOf(ME) });
    expect(nobody.body.data).toEqual({ me: null });
    const posted = await post({ documentId: hashOf(LIST) });
    expect(posted.headers.get("cache-control")).toBe("no-store");
    const failed = await get({ documentId: hashOf(LIST), variables: '{"first":1000}' });
    expect(failed.body.errors).toHaveLength(1);
    expect(failed.headers.get("cache-control")).toBe("no-store");
  });

  test("that changes something is not run by GET", async () => {
    const variables = JSON.stringify({ id: "00000000-0000-4000-8000-000000000404" });
    const { status, headers } = await get({ documentId: hashOf(RENAME), variables });
    expect(status).toBe(405);
    expect(headers.get("cache-control")).toBe("no-store");
  });
});

describe("any other document", () => {
  test.each<[string, object]>([
    ["a text", { query: LIST }],
    ["a text that is trusted", { query: ME }],
    ["a hash that is not known", { documentId: hashOf("{ me { email } }") }],
    ["a hash that is none", { documentId: "../../etc/passwd" }],
    ["a name of Object's", { documentId: "__proto__" }],
    ["no text", {}],
    ["a list for a hash", { documentId: [hashOf(LIST)] }],
  ])("is refused: %s", async (_what, body) => {
    const answer = await post({ ...body, variables: { secret: "it-must-not-be-logged" } });
    expect([answer.status, codeOf(answer)]).toEqual([400, "DOCUMENT_UNKNOWN"]);
  });

  test("leaves nothing of what was sent in the log", () => {
    expect(marketplace.output()).not.toContain("it-must-not-be-logged");
    expect(marketplace.output()).not.toMatch(/"level":"error"/);
  });
});

test("REST has documents of its own", async () => {
  const answer = await fetch(`${server}/v1/currencies`);
  expect(answer.status).toBe(200);
});

test("a folder without documents, or with one that is named otherwise, stops the start", async () => {
  const other = await mkdtemp(join(tmpdir(), "staybase-trusted-"));
  expect(() => readTrustedDocuments(join(other, "none"))).toThrow(/cannot be read/);
  expect(() => readTrustedDocuments(other)).toThrow(/has no document/);
  await writeFile(join(other, "list.graphql"), LIST);
  expect(() => readTrustedDocuments(other)).toThrow(`must be named ${hashOf(LIST)}.graphql`);
  await rm(other, { recursive: true });
});
