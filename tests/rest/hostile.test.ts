/**
 * Bad input is the sender's fault, whatever it is: neither face answers it with a 5xx, and the
 * log has no line of a failure. `HOSTILE_REQUESTS` in the environment sets how many are sent.
 */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { loadConfig, SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { createTokens } from "../../src/resources/tokens.ts";
import { cases } from "../helpers/cases.ts";
import { testDatabase } from "../helpers/database.ts";
import { somebody } from "../helpers/factories.ts";
import { drawFrom } from "../helpers/generate.ts";
import {
  type Marketplace,
  openMarketplace,
  TEST_JWT_KEY,
  waitUntil,
} from "../helpers/marketplace.ts";
import {
  anyBody,
  anyJson,
  anyRequest,
  type HostileAnswer,
  type HostileRequest,
  operationsOf,
  sendHostile,
} from "./hostile.ts";

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const COUNT = Number(process.env.HOSTILE_REQUESTS ?? cases(300, 80));
const WEBHOOK = "/v1/webhooks/stripe";

const document = parse(read("openapi/openapi.yaml")) as { paths: Record<string, unknown> };
const PATHS = [
  ...Object.keys(document.paths).map((path) => `/v1${path}`),
  "/",
  "/graphql",
  "/graphiql",
  "/confirm-registration",
  "/docs",
  "/docs/assets",
  "/docs/assets/setting.js",
  "/openapi.json",
  "/healthz",
];

const database = testDatabase();
let marketplace: Marketplace;
let server: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
  [server = ""] = marketplace.servers;
});

afterAll(async () => {
  await marketplace?.dispose();
});

/** The requests whose answer, or an error in it, is a fault of the server. */
async function faultsOf(make: (seed: number) => HostileRequest): Promise<unknown[]> {
  const faults: unknown[] = [];
  for (let seed = 0; seed < COUNT; seed += 1) {
    const request = make(seed);
    const { status, text }: HostileAnswer = await sendHostile(server, request);
    const failed = status >= 500 || /"status":5\d\d/.test(text);
    const { body, ...rest } = request;
    if (failed) faults.push({ seed, ...rest, body: String(body).slice(0, 500), status, text });
  }
  return faults;
}

const json = (path: string, body: unknown, more: Record<string, string> = {}): HostileRequest => ({
  method: "POST",
  path,
  headers: { "content-type": "application/json", ...more },
  body: typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
});

test("any request to any address", async () => {
  expect(await faultsOf((seed) => anyRequest(drawFrom(seed), PATHS))).toEqual([]);
});

test("any operation of GraphQL, signed in", async () => {
  const operation = operationsOf(read("src/graphql/schema.graphql"));
  const userId = await somebody(database, "Hostile");
  const { token } = createTokens(
    loadConfig({ NODE_ENV: "test", JWT_KEYS: TEST_JWT_KEY }),
  ).signAccessToken({
    userId,
    sessionId: userId,
    role: "visitor",
  });
  const headers = { authorization: `Bearer ${token}` };
  const make = (seed: number) => json("/graphql", operation(drawFrom(seed)), headers);
  expect(await faultsOf(make)).toEqual([]);
});

test("any body with the right signature of Stripe", async () => {
  const make = (seed: number): HostileRequest => {
    const draw = drawFrom(seed);
    const event = { id: `evt_${seed}`, type: "a.b", data: { object: anyJson(draw) } };
    const mangled = { ...event, [draw.one(["id", "type", "data", "more"])]: anyJson(draw) };
    const payload = draw.one([anyBody(draw), JSON.stringify(mangled)]);
    return json(WEBHOOK, payload, { "stripe-signature": signatureOf(payload) });
  };
  expect(await faultsOf(make)).toEqual([]);
});

test.each<[string, number, unknown]>([
  ["a list", 400, []],
  ["null", 400, null],
  ["no JSON", 400, "{"],
  ["no id", 400, { type: "x", data: { object: {} } }],
  ["an id that is none of Stripe's", 400, { id: "evt_\0", type: "x", data: { object: {} } }],
  ["no type", 400, { id: "evt_untyped", data: { object: {} } }],
  ["data that is null", 200, { id: "evt_null", type: "x", data: null }],
  ["no data", 200, { id: "evt_bare", type: "x" }],
  ["an empty object id", 200, { id: "evt_empty", type: "refund.x", data: { object: { id: "" } } }],
  ["NUL", 200, { id: "evt_nul", type: "x\0", data: { "a\0": "\0", object: { id: "\0" } } }],
  ["half a surrogate pair", 200, { id: "evt_half", type: "x", data: { "\ud83d": "\ude00a" } }],
])("a signed body with %s is answered with %i", async (_name, status, event) => {
  const payload = event === "{" ? event : JSON.stringify(event);
  const signature = { "stripe-signature": signatureOf(payload) };
  expect((await sendHostile(server, json(WEBHOOK, payload, signature))).status).toBe(status);
});

test("what was acknowledged is stored, with all of its text that can be", async () => {
  const id = "evt_storable";
  const data = { path: "C:\\u0000", pair: "\u{1f600}", nul: "a\0b", half: "\ud83d", object: {} };
  const payload = JSON.stringify({ id, type: "x", data });
  await sendHostile(server, json(WEBHOOK, payload, { "stripe-signature": signatureOf(payload) }));
  const { rows } = await database.owner.query(
    "select payload->'data' as data from app_private.stripe_events where id = $1",
    [id],
  );
  expect(rows).toEqual([{ data: { ...data, nul: "a\ufffdb", half: "\ufffd" } }]);
});

test("the worker lays aside what it can do nothing about", async () => {
  // What an earlier version stored may have an empty id.
  await database.owner.query(
    "update app_private.stripe_events set object_id = '' where id = 'evt_empty'",
  );
  marketplace.startWorker();
  await waitUntil("all events are processed", async () => {
    const { rows } = await database.owner.query(
      "select from app_private.stripe_events where processed_at is null",
    );
    return rows.length === 0;
  });
});

/** The signature goes over bytes, which the SDK's own helper would take for text. */
function signatureOf(payload: Buffer | string): string {
  const time = Math.floor(Date.now() / 1000);
  const { webhookSecret } = SIMULATOR_STRIPE_KEYS;
  const mac = createHmac("sha256", webhookSecret).update(`${time}.`).update(payload).digest("hex");
  return `t=${time},v1=${mac}`;
}

test("the server still answers, and its log has no failure of ours", async () => {
  expect((await fetch(`${server}/readyz`)).status).toBe(200);
  const failures = marketplace.output().match(/^.*"level":"(?:error|fatal)".*$/gm) ?? [];
  expect(failures).toEqual([]);
});
