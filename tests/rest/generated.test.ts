/**
 * Requests drawn from the OpenAPI document itself, by people of every kind: whatever fits it, and
 * much that nearly does. None fails on the server's side, none gets a status that the document does
 * not name, and no answer breaks its schema.
 * `GENERATED_REQUESTS` in the environment sets how many are sent.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { readOpenapi } from "../../src/http/openapi.ts";
import { isRecord, memberOf, textIn } from "../../src/values.ts";
import { cases } from "../helpers/cases.ts";
import { apiClient, type Client, type RestResponse } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { asOwner } from "../helpers/factories.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { signUp } from "../story/people.ts";
import { createBooking, createQuote, offerListing, pay, stayIn } from "../story/stay.ts";

const COUNT = Number(process.env.GENERATED_REQUESTS ?? cases(3000, 500));

const database = testDatabase();
let marketplace: Marketplace;
let document: unknown;
let people: Client[];
/** Ids that there are, by the name of the parameter that takes them. */
const ids: Record<string, string[]> = {};

beforeAll(async () => {
  document = await readOpenapi();
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  const [server = ""] = marketplace.servers;
  const host = await signUp(marketplace, server, "Hana");
  const guest = await signUp(marketplace, server, "Gus");
  await asOwner(database, "update app_private.quotas set most = 100000");
  people = [apiClient(server), host.client, guest.client, guest.client.withToken("no.such.token")];
  ids.userId = [host.userId, guest.userId];
  ids.listingId = [await offerListing(host.client), await offerListing(host.client)];
  const [listingId = ""] = ids.listingId;
  const quote = await createQuote(guest.client, listingId, stayIn(30, 3));
  const booking = await createBooking(guest.client, quote.id, randomUUID());
  await pay(marketplace, guest.client, booking.id);
  ids.quoteId = [quote.id, (await createQuote(guest.client, listingId, stayIn(50, 2))).id];
  ids.bookingId = [booking.id];
});

afterAll(async () => {
  await marketplace?.dispose();
});

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operation: Readonly<Record<string, unknown>>;
}

/** Stripe's bodies are signed bytes; and who has logged out, or ended all, meets 4xx alone. */
const LEFT_OUT = [
  "receiveStripeEvent",
  "logOut",
  "archiveListing",
  "closeAccount",
  "eraseUser",
  "suspendUser",
];

function operationsOf(): Operation[] {
  return Object.entries(memberOf(document, "paths") ?? {}).flatMap(([path, item]) =>
    Object.entries(item ?? {}).flatMap(([method, operation]) => {
      const isLeftOut = LEFT_OUT.includes(textIn(operation, "operationId") ?? "");
      return isLeftOut || !isRecord(operation) ? [] : [{ method, path, operation }];
    }),
  );
}

function followed(value: unknown): unknown {
  const reference = textIn(value, "$ref");
  if (reference === undefined) return value;
  const keys = reference.slice(2).split("/").map(decodeURIComponent);
  const found = keys.reduce<unknown>(
    (at, key) => memberOf(at, key.replaceAll("~1", "/").replaceAll("~0", "~")),
    document,
  );
  return followed(found);
}

const ODD: fc.Arbitrary<unknown> = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "\0", "infinity", "-1", "2031-02-30", "null", "x".repeat(2000), "٣"),
  fc.double(),
  fc.jsonValue(),
);

/** What fits a schema, and now and then what does not. */
function arbitraryOf(given: unknown, name: string): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 40, arbitrary: fitting(given, name) }, { weight: 1, arbitrary: ODD });
}

function fitting(given: unknown, name: string): fc.Arbitrary<unknown> {
  const schema = followed(given);
  const words = memberOf(schema, "enum");
  if (Array.isArray(words)) return fc.constantFrom(...words);
  const [type] = [memberOf(schema, "type")].flat();
  const [least, most] = [memberOf(schema, "minimum"), memberOf(schema, "maximum")].map(Number);
  const bounds = {
    min: Number.isFinite(least) ? Number(least) : -5,
    max: Number.isFinite(most) ? Number(most) : 500,
  };
  if (type === "boolean") return fc.boolean();
  if (type === "integer") return fc.integer(bounds);
  if (type === "number") return fc.double({ ...bounds, noNaN: true });
  if (type === "array") {
    return fc.array(arbitraryOf(memberOf(schema, "items"), name), { maxLength: 3 });
  }
  if (type === "object") return anObject(schema);
  return aText(schema, name);
}

function anObject(schema: unknown): fc.Arbitrary<unknown> {
  const needed = memberOf(schema, "required");
  const properties = Object.entries(memberOf(schema, "properties") ?? {});
  return fc.record(
    Object.fromEntries(properties.map(([key, inner]) => [key, arbitraryOf(inner, key)])),
    { requiredKeys: Array.isArray(needed) ? needed.map(String) : [] },
  );
}

function aText(schema: unknown, name: string): fc.Arbitrary<unknown> {
  const format = memberOf(schema, "format");
  if (format === "uuid") {
    return fc.oneof(fc.constantFrom(...(ids[name] ?? [randomUUID()])), fc.uuid());
  }
  if (format === "date") {
    return fc.integer({ min: -40, max: 700 }).map((days) => stayIn(days, 1).checkIn);
  }
  if (format === "uri") return fc.webUrl();
  const pattern = textIn(schema, "pattern");
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  const usual = ["EUR", "wifi", "Europe/Lisbon", "PT", "A title", "guest@example.com"];
  return fc.oneof(fc.constantFrom(...usual), fc.string());
}

interface Drawn {
  readonly who: number;
  readonly method: string;
  readonly path: string;
  /** The address as the document has it. */
  readonly template: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly operation: Readonly<Record<string, unknown>>;
}

function requestOf({ method, path, operation }: Operation): fc.Arbitrary<Drawn> {
  const parameters = Array.isArray(operation.parameters) ? operation.parameters.map(followed) : [];
  const of = (place: string): fc.Arbitrary<Record<string, unknown>> => {
    const here = parameters.filter((each) => memberOf(each, "in") === place);
    const named = here.map((each) => {
      const name = textIn(each, "name") ?? "";
      return [name, arbitraryOf(memberOf(each, "schema"), name)] as const;
    });
    const needed = here.filter((each) => memberOf(each, "required") === true);
    const requiredKeys = needed.map((each) => textIn(each, "name") ?? "");
    return fc.record(Object.fromEntries(named), { requiredKeys });
  };
  const content = memberOf(memberOf(operation.requestBody, "content"), "application/json");
  const schema = memberOf(content, "schema");
  const body = schema === undefined ? fc.constant(undefined) : arbitraryOf(schema, "body");
  return fc
    .record({ who: fc.nat(3), params: of("path"), query: of("query"), header: of("header"), body })
    .map(({ who, params, query, header, body: sent }) => {
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) {
        for (const each of [value].flat()) search.append(name, textOf(each));
      }
      const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) =>
        // An empty segment is another address.
        encodeURIComponent(textOf(params[name]).toWellFormed() || "x"),
      );
      const headers = Object.entries(header).map(([name, value]) => [name, plain(textOf(value))]);
      const address = `/v1${filled}${search.size === 0 ? "" : `?${search}`}`;
      return {
        who,
        method: method.toUpperCase(),
        path: address,
        template: path,
        headers: Object.fromEntries(headers),
        body: sent,
        operation,
      };
    });
}

const textOf = (value: unknown): string =>
  typeof value === "object" ? (JSON.stringify(value) ?? "") : String(value);

/** What a header can carry. */
const plain = (text: string): string => text.replaceAll(/[^\x21-\x7e]/g, "-").slice(0, 300);

/** What any operation may answer, but for a fault of the server. */
const ANYWHERE = [404, 405, 413, 415];

/** Says what of a body breaks the schema of its answer; compiled once for each. */
function createBodyCheck(): (drawn: Drawn, answer: RestResponse) => string | undefined {
  const ajv = new Ajv2020.default({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(Object(document), "openapi");
  return ({ operation, method, template }, { status, text, body }) => {
    const responses = memberOf(operation, "responses");
    const [type] = status < 300 ? ["application/json"] : ["application/problem+json"];
    const at = memberOf(responses, String(status)) === undefined ? "default" : String(status);
    const content = memberOf(followed(memberOf(responses, at)), "content");
    const schema = memberOf(memberOf(content, type ?? ""), "schema");
    if (schema === undefined) return text === "" ? undefined : "it has a body, and describes none";
    const name = `openapi#/paths/${pointer(template)}/${method.toLowerCase()}/responses/${at}`;
    const isWhole = memberOf(memberOf(responses, at), "$ref") === undefined;
    const validate = isWhole
      ? ajv.getSchema(`${name}/content/${pointer(type ?? "")}/schema`)
      : ajv.getSchema("openapi#/components/schemas/Problem");
    if (validate === undefined) return `${name} has no schema`;
    return validate(body) === true ? undefined : ajv.errorsText(validate.errors);
  };
}

const pointer = (key: string): string =>
  encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));

/** What is wrong with an answer, if anything. */
function faultOf(drawn: Drawn, { status, body }: RestResponse): unknown {
  const named = Object.keys(memberOf(drawn.operation, "responses") ?? {}).map(Number);
  if (named.includes(status) || ANYWHERE.includes(status)) return undefined;
  const { operation, who, method, path, headers, body: sent } = drawn;
  return { operationId: operation.operationId, status, who, method, path, headers, sent, body };
}

/** How often each status came, for the test must not be one that never gets anywhere. */
const seen = new Map<string, number>();

test("whatever is asked, the answer is one that the document knows", async () => {
  const seed = Number(process.env.GENERATED_SEED ?? 1);
  const requests = fc.constantFrom(...operationsOf()).chain(requestOf);
  const faults = new Map<string, unknown>();
  const breaks = createBodyCheck();
  let foundSpoilt = 0;
  for (const drawn of fc.sample(requests, { numRuns: COUNT, seed })) {
    const client = people[drawn.who] ?? apiClient(marketplace.servers[0] ?? "");
    const { method, path, body, headers } = drawn;
    const answer = await client.rest(method, path, body, headers);
    const kind = `${Math.floor(answer.status / 100)}xx`;
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    const broken = breaks(drawn, answer);
    // The check can fail: an answer with one field too many breaks its schema.
    const spoilt = { ...answer, body: { ...answer.body, unheard: true } };
    if (broken === undefined && breaks(drawn, spoilt) !== undefined) foundSpoilt += 1;
    const fault = broken === undefined ? faultOf(drawn, answer) : { broken, path, answer };
    // One of a kind is enough.
    if (fault !== undefined) faults.set(`${drawn.operation.operationId} ${answer.status}`, fault);
  }
  expect([...faults.values()]).toEqual([]);
  expect(foundSpoilt).toBeGreaterThan(COUNT / 50);
  process.stderr.write(`answers: ${JSON.stringify(Object.fromEntries(seen))}\n`);
  expect(seen.get("2xx") ?? 0).toBeGreaterThan(COUNT / 20);
  expect(seen.get("4xx") ?? 0).toBeGreaterThan(COUNT / 20);
}, 300_000);

test("the log has no failure of ours", () => {
  const failures = marketplace.output().match(/^.*"level":"(?:error|fatal)".*$/gm) ?? [];
  expect(failures.filter((line) => line.includes('"name":"server"'))).toEqual([]);
});
