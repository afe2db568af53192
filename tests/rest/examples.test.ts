/**
 * Every example of the OpenAPI document is sent to a marketplace, in the order of a story, with ids
 * that there are and days that are to come; and every answer that it shows fits its schema, and has
 * the members that the real answer has.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { readOpenapi } from "../../src/http/openapi.ts";
import { isRecord, memberOf, textIn } from "../../src/values.ts";
import { apiClient, type Client, type RestResponse } from "../helpers/client.ts";
import { DAY, testClock } from "../helpers/clock.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { signUp } from "../story/people.ts";
import { pay } from "../story/stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let document: unknown;
let operations: Operation[];
let clients: Readonly<Record<"nobody" | "host" | "guest", Client>>;

interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly unknown[];
  /** The example of a body, if there is one. */
  readonly body: unknown;
  /** Whether anything of the request is shown. */
  readonly asks: boolean;
  readonly answers: readonly { readonly status: string; readonly example: unknown }[];
}

/** In this order, each by whom. What a story needs in between is in `AFTER`. */
const STORY: readonly (readonly [operationId: string, who: keyof typeof clients])[] = [
  ["register", "nobody"],
  ["confirmRegistration", "nobody"],
  ["logIn", "nobody"],
  ["refreshSession", "nobody"],
  ["updateUser", "guest"],
  ["updateUserContact", "guest"],
  ["createListing", "host"],
  ["setListingAddress", "host"],
  ["createListingPhoto", "host"],
  ["updateListingPhoto", "host"],
  ["setListingAmenities", "host"],
  ["setListingRates", "host"],
  ["setDatedRate", "host"],
  ["updateListing", "host"],
  ["blockNights", "host"],
  ["publishListing", "host"],
  ["getCalendar", "nobody"],
  ["searchListings", "nobody"],
  ["getBookability", "nobody"],
  ["getPrice", "nobody"],
  ["createQuote", "guest"],
  ["createBooking", "guest"],
  ["createPayment", "guest"],
  ["proposeAlteration", "guest"],
  ["endAlteration", "guest"],
  ["cancelBooking", "guest"],
  ["createQuote", "guest"],
  ["createBooking", "guest"],
  ["createPayment", "guest"],
  ["listBookings", "guest"],
  ["submitReview", "guest"],
];

/** What the names in examples stand for. */
const known: Record<string, string> = {};

/** The member in which an answer gives what later requests need. */
const GIVES: Readonly<Record<string, readonly (readonly [as: string, member: string])[]>> = {
  logIn: [
    ["userId", "userId"],
    ["refreshToken", "refreshToken"],
  ],
  createListing: [["listingId", "id"]],
  createListingPhoto: [["photoId", "id"]],
  createQuote: [["quoteId", "id"]],
  createBooking: [["bookingId", "id"]],
  proposeAlteration: [["alterationId", "id"]],
};

const AFTER: Readonly<Record<string, (answer: RestResponse) => Promise<void>>> = {
  register: async () => {
    await waitUntil("the mail with a link", async () => {
      const mail = (await marketplace.mails()).find(({ to }) => to.includes("ada@"));
      known.token = new URL(mail?.links[0] ?? "x:").searchParams.get("token") ?? "";
      return known.token !== "";
    });
  },
  logIn: async ({ body }) => {
    clients = { ...clients, guest: clients.nobody.withToken(String(body.accessToken)) };
  },
  createPayment: async () => {
    await pay(marketplace, clients.guest, known.bookingId ?? "");
    await until("confirmed");
  },
  listBookings: async () => {
    await testClock(database, marketplace.stripe).forward(40 * DAY);
    await until("completed");
  },
};

const until = (status: string) =>
  waitUntil(`the booking is ${status}`, async () => {
    const { body } = await clients.guest.get(`/v1/bookings/${known.bookingId}`);
    return body.status === status;
  });

beforeAll(async () => {
  document = await readOpenapi();
  operations = operationsOf();
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  const [server = ""] = marketplace.servers;
  const host = await signUp(marketplace, server, "Hana");
  const nobody = apiClient(server);
  clients = { nobody, host: host.client, guest: nobody };
});

afterAll(async () => {
  await marketplace?.dispose();
});

function followed(value: unknown): unknown {
  const reference = textIn(value, "$ref");
  if (reference === undefined) return value;
  const keys = reference.slice(2).split("/").map(decodeURIComponent);
  return followed(
    keys.reduce<unknown>(
      (at, key) => memberOf(at, key.replaceAll("~1", "/").replaceAll("~0", "~")),
      document,
    ),
  );
}

const exampleOf = (content: unknown): unknown =>
  memberOf(memberOf(memberOf(content, "content"), "application/json"), "example");

function operationsOf(): Operation[] {
  return Object.entries(memberOf(document, "paths") ?? {}).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, operation]) => {
      const listed = memberOf(operation, "parameters");
      const parameters = Array.isArray(listed) ? listed.map(followed) : [];
      const body = exampleOf(memberOf(operation, "requestBody"));
      const answers = Object.entries(memberOf(operation, "responses") ?? {}).flatMap(
        ([status, answer]) => {
          const example = exampleOf(followed(answer));
          return example === undefined ? [] : [{ status, example }];
        },
      );
      const asks = body !== undefined || parameters.some((each) => memberOf(each, "example"));
      const operationId = textIn(operation, "operationId") ?? "";
      return { operationId, method, path, parameters, body, asks, answers };
    }),
  );
}

/** The day that stands for the tenth of May in examples is a month ahead. */
const SHIFT = Math.floor(Date.now() / 86_400_000) + 30 - Date.parse("2027-05-10") / 86_400_000;

/** An example with ids and tokens that there are, and with days to come. */
function current(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => current(item, name));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, current(each, key)]),
    );
  }
  if (typeof value !== "string") return value;
  if (/^\d{4}-\d\d-\d\d$/.test(value)) {
    return new Date(Date.parse(value) + SHIFT * 86_400_000).toISOString().slice(0, 10);
  }
  return known[name] ?? value;
}

function send({ method, path, parameters, body }: Operation, client: Client) {
  const search = new URLSearchParams();
  for (const parameter of parameters) {
    const example = memberOf(parameter, "example");
    if (memberOf(parameter, "in") !== "query" || example === undefined) continue;
    const name = textIn(parameter, "name") ?? "";
    for (const each of [current(example, name)].flat()) search.append(name, String(each));
  }
  const address = path.replace(/\{(\w+)\}/g, (_all, name: string) => known[name] ?? name);
  const needsKey = parameters.some((each) => textIn(each, "name") === "Idempotency-Key");
  const headers = needsKey ? { "idempotency-key": randomUUID() } : {};
  const query = search.size === 0 ? "" : `?${search}`;
  return client.rest(method.toUpperCase(), `/v1${address}${query}`, current(body), headers);
}

function schemaOf({ path, method }: Operation, status: string): ValidateFunction {
  const ajv = new Ajv2020.default({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(Object(document), "openapi");
  const at = ["paths", path, method, "responses", status, "content", "application/json", "schema"]
    .map((key) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1")))
    .join("/");
  const validate = ajv.getSchema(`openapi#/${at}`);
  if (validate === undefined) throw new Error(`${at} has no schema.`);
  return validate;
}

/** Members that only one of both has, or that are of another type. */
function unlike(shown: unknown, real: unknown, at: string): string[] {
  if (Array.isArray(shown) && Array.isArray(real)) return unlike(shown[0], real[0], `${at}[0]`);
  if (isRecord(shown) && isRecord(real)) {
    const names = new Set([...Object.keys(shown), ...Object.keys(real)]);
    // What was asked for by `include` is not shown.
    names.delete("listing");
    return [...names].flatMap((name) => unlike(shown[name], real[name], `${at}.${name}`));
  }
  return typeof shown === typeof real ? [] : [`${at} is ${typeof real}, not ${typeof shown}`];
}

test("every operation with an example is in the story", () => {
  const shown = operations.filter(({ asks, answers }) => asks || answers.length > 0);
  const told = STORY.map(([operationId]) => operationId);
  expect(shown.map(({ operationId }) => operationId).filter((id) => !told.includes(id))).toEqual(
    [],
  );
  expect(shown.length).toBeGreaterThan(20);
});

test("every example is executed, and answers what it shows", async () => {
  for (const [operationId, who] of STORY) {
    const operation = operations.find((each) => each.operationId === operationId);
    if (operation === undefined) throw new Error(`There is no ${operationId}.`);
    const answer = await send(operation, clients[who]);
    const { status, body } = answer;
    const isGood = status >= 200 && status < 300;
    expect({ operationId, isGood, body }).toMatchObject({ operationId, isGood: true });
    for (const { example } of operation.answers.filter((each) => Number(each.status) === status)) {
      expect([operationId, unlike(example, body, "the answer")]).toEqual([operationId, []]);
    }
    for (const [as, member] of GIVES[operationId] ?? []) known[as] = String(body[member]);
    await AFTER[operationId]?.(answer);
  }
});

test("every answer that is shown fits its schema, and one with a member too many does not", () => {
  const shown = operations.flatMap((operation) =>
    operation.answers.map(({ status, example }) => ({ operation, status, example })),
  );
  expect(shown.length).toBeGreaterThan(4);
  for (const { operation, status, example } of shown) {
    const validate = schemaOf(operation, status);
    validate(example);
    expect([operation.operationId, validate.errors]).toEqual([operation.operationId, null]);
    expect(validate({ ...Object(example), unheard: true })).toBe(false);
  }
});

test("an example that the server refuses, or an answer that it does not give, is found", async () => {
  const operation = operations.find(({ operationId }) => operationId === "createQuote");
  if (operation === undefined) throw new Error("There is no createQuote.");
  const wrong = { ...operation, body: { ...Object(operation.body), guest: 2 } };
  expect((await send(wrong, clients.guest)).status).toBe(400);
  expect(unlike({ a: 1, b: [{ c: "" }] }, { a: "1", b: [{}] }, "it")).toHaveLength(2);
});
