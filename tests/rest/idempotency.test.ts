/**
 * A request that carries an idempotency key has one effect and one answer, for one person and a
 * day. Payments stand for all: they are what a guest repeats.
 */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { RestResponse } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { travel } from "../helpers/fixture.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { type Person, signUp } from "../story/people.ts";
import { createBooking, createQuote, offerListing, stayIn } from "../story/stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let guest: Person;
let rival: Person;
let listingId: string;
let booked = 0;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 2);
  marketplace.startWorker();
  const [server = ""] = marketplace.servers;
  const host = await signUp(marketplace, server, "Hana");
  guest = await signUp(marketplace, server, "Gus");
  rival = await signUp(marketplace, server, "Rita");
  listingId = await offerListing(host.client);
});

afterEach(async () => {
  marketplace.stripe.control({ reset: true });
  await travel(database, null);
});

afterAll(async () => {
  await marketplace?.dispose();
});

/** The id of a booking that waits for payment, of nights that no other test wants. */
async function hold(): Promise<string> {
  booked += 1;
  const quote = await createQuote(guest.client, listingId, stayIn(10 + booked * 3, 2));
  return (await createBooking(guest.client, quote.id, `idempotency-${booked}`)).id;
}

const bytes = (answer: RestResponse) => ({
  status: answer.status,
  type: answer.headers.get("content-type"),
  text: answer.text,
});

const replayed = (answer: RestResponse) => answer.headers.get("idempotent-replayed");

const intents = (bookingId: string) =>
  marketplace.stripe.paymentIntents().filter((intent) => intent.transfer_group === bookingId);

const keys = async (key: string) =>
  (await database.owner.query("select * from app_private.idempotency_keys where key = $1", [key]))
    .rows;

test("is answered with the bytes of the first answer, also where that is a refusal", async () => {
  for (const bookingId of [await hold(), randomUUID()]) {
    const key = randomUUID();
    const first = await guest.client.askToPay(bookingId, key);
    const second = await guest.client.askToPay(bookingId, key);
    expect(bytes(second)).toEqual(bytes(first));
    expect([replayed(first), replayed(second)]).toEqual([null, "true"]);
    // Negative control: another key runs it again.
    const third = await guest.client.askToPay(bookingId);
    expect(replayed(third)).toBeNull();
    expect(third.status).toBe(first.status);
  }
});

test("is refused without a key, and with one that is none", async () => {
  const path = `/v1/bookings/${await hold()}/payment`;
  expect(await guest.client.post(path)).toMatchObject({
    status: 400,
    body: { code: "IDEMPOTENCY_KEY_REQUIRED" },
  });
  for (const key of ["short", "x".repeat(201), "with a blank", "", "umlaut-ä-key"]) {
    const refused = await guest.client.post(path, undefined, { "idempotency-key": key });
    expect(refused).toMatchObject({ status: 400, body: { code: "IDEMPOTENCY_KEY_INVALID" } });
  }
});

test("is refused where the key was used for another booking", async () => {
  const key = randomUUID();
  const [first, second] = [await hold(), await hold()];
  expect(await guest.client.askToPay(first, key)).toMatchObject({ status: 200 });
  expect(await guest.client.askToPay(second, key)).toMatchObject({
    status: 422,
    body: { code: "IDEMPOTENCY_KEY_REUSED" },
  });
  expect(intents(second)).toEqual([]);
});

test("is nobody else's: the same key of another person is another key", async () => {
  const key = randomUUID();
  const bookingId = await hold();
  const mine = await guest.client.askToPay(bookingId, key);
  const theirs = await rival.client.askToPay(bookingId, key);
  expect(theirs).toMatchObject({ status: 404, body: { code: "BOOKING_NOT_FOUND" } });
  expect(theirs.text).not.toContain(String(mine.body.clientSecret));
});

test("has one effect when twenty come at once, through two servers", async () => {
  const bookingId = await hold();
  const key = randomUUID();
  const sent = Array.from({ length: 20 }, (_, at) => {
    const client = guest.client.at(marketplace.servers[at % 2] ?? "");
    return client.askToPay(bookingId, key);
  });
  const answers = await Promise.all(sent);
  const inFlight = answers.filter(({ body }) => body.code === "IDEMPOTENCY_IN_FLIGHT");
  for (const answer of inFlight) {
    expect(answer.status).toBe(409);
    expect(answer.headers.get("retry-after")).toBe("1");
  }
  const done = answers.filter((answer) => !inFlight.includes(answer)).map(bytes);
  expect(done.length).toBeGreaterThan(0);
  expect(new Set(done.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(done[0]?.status).toBe(200);
  const first = answers.filter((answer) => !inFlight.includes(answer) && replayed(answer) === null);
  expect(first).toHaveLength(1);
  expect(intents(bookingId)).toHaveLength(1);
  expect(bytes(await guest.client.askToPay(bookingId, key))).toEqual(done[0]);
});

test("runs each time under keys of its own (negative control)", async () => {
  const bookingId = await hold();
  const first = await guest.client.askToPay(bookingId);
  const others = await Promise.all([1, 2, 3].map(() => guest.client.askToPay(bookingId)));
  // The rows of the payment make them one charge; none of them is a replay.
  for (const answer of others) {
    expect(answer.status).toBe(200);
    expect(replayed(answer)).toBeNull();
    expect(answer.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
  }
  expect(intents(bookingId)).toHaveLength(1);
});

test("runs again after an answer that is not kept", async () => {
  const bookingId = await hold();
  const key = randomUUID();
  const match = "POST /v1/payment_intents";
  marketplace.stripe.control({ fail: { match, when: "before", how: "status 500", times: 2 } });
  expect(await guest.client.askToPay(bookingId, key)).toMatchObject({ status: 502 });
  expect(await keys(key)).toEqual([]);
  marketplace.stripe.control({ reset: true });
  const again = await guest.client.askToPay(bookingId, key);
  expect(again.status).toBe(200);
  expect(replayed(again)).toBeNull();
});

test("runs again when the process that held its lease has died, and not before", async () => {
  const bookingId = await hold();
  const key = randomUUID();
  const first = await guest.client.askToPay(bookingId, key);
  await database.owner.query(
    `update app_private.idempotency_keys set answer = null, lease_id = uuidv7(),
       leased_until = app_hidden.clock() + interval '30 seconds' where key = $1`,
    [key],
  );
  expect(await guest.client.askToPay(bookingId, key)).toMatchObject({
    status: 409,
    body: { code: "IDEMPOTENCY_IN_FLIGHT" },
  });
  await travel(database, "31 seconds");
  const again = await guest.client.askToPay(bookingId, key);
  expect(again).toMatchObject({ status: 200, body: first.body });
  expect(replayed(again)).toBeNull();
  expect(replayed(await guest.client.askToPay(bookingId, key))).toBe("true");
});

test("is forgotten after a day, and purged", async () => {
  const key = randomUUID();
  const bookingId = randomUUID();
  const first = await guest.client.askToPay(bookingId, key);
  const owner = (text: string) => database.owner.query(text);
  await owner("update app_private.idempotency_keys set created_at = created_at - interval '23 h'");
  await owner("select app_private.purge_idempotency_keys()");
  expect(bytes(await guest.client.askToPay(bookingId, key))).toEqual(bytes(first));
  await owner("update app_private.idempotency_keys set created_at = created_at - interval '1 h'");
  const later = await guest.client.askToPay(bookingId, key);
  expect(replayed(later)).toBeNull();
  expect(later.body.requestId).not.toBe(first.body.requestId);
  await owner("update app_private.idempotency_keys set created_at = created_at - interval '24 h'");
  await owner("select app_private.purge_idempotency_keys()");
  expect(await keys(key)).toEqual([]);
});

test("keeps no secret of Stripe in clear", async () => {
  const key = randomUUID();
  const { body } = await guest.client.askToPay(await hold(), key);
  const [row] = await keys(key);
  const answer = Buffer.from(row.answer).toString("latin1");
  expect(answer.length).toBeGreaterThan(100);
  expect(answer).not.toContain(String(body.clientSecret));
  expect(answer).not.toContain("clientSecret");
  // Bytes that cannot be read, as after a change of the server's secret, are no answer.
  await database.owner.query(
    `update app_private.idempotency_keys
     set answer = set_byte(answer, 40, 255 - get_byte(answer, 40)) where key = $1`,
    [key],
  );
  const again = await guest.client.askToPay(String(body.bookingId), key);
  expect(again).toMatchObject({ status: 200, body: { clientSecret: body.clientSecret } });
  expect(replayed(again)).toBeNull();
});
