/** Cards that a guest keeps: by a SetupIntent or while paying, listed, paid with and removed. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { type Person, signUp } from "../story/people.ts";
import { bookingStatus, createBooking, createQuote, offerListing, stayIn } from "../story/stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let guest: Person;
let listingId: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  const [server = ""] = marketplace.servers;
  listingId = await offerListing((await signUp(marketplace, server, "Hana")).client);
});

afterEach(() => void marketplace.stripe.control({ reset: true }));

afterAll(async () => {
  await marketplace?.dispose();
});

let people = 0;
const newGuest = async (): Promise<Person> =>
  signUp(marketplace, marketplace.servers[0] ?? "", `Gus${++people}`);

const setUp = (person: Person, key: string = randomUUID()) =>
  person.client.post("/v1/setup-intents", undefined, { "idempotency-key": key });

const browse = (path: string, clientSecret: unknown, card: string): Promise<Response> =>
  fetch(`${marketplace.stripe.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_secret: clientSecret, card }),
  });

async function keep(person: Person, card = "4242424242424242"): Promise<void> {
  const { body } = await setUp(person);
  await browse(`/setup/${String(body.stripeSetupIntentId)}`, body.clientSecret, card);
}

interface Kept {
  readonly id: string;
  readonly last4: string;
}

const kept = async (person: Person): Promise<readonly Kept[]> => {
  const { status, body } = await person.client.get("/v1/payment-methods");
  expect(status).toBe(200);
  return body.paymentMethods as Kept[];
};

let booked = 0;
async function hold(): Promise<string> {
  booked += 1;
  const quote = await createQuote(guest.client, listingId, stayIn(10 + booked * 3, 2));
  return (await createBooking(guest.client, quote.id, `saved-card-${booked}`)).id;
}

/** Asks to pay, with what is said about keeping the card. */
const ask = (booking: string, body?: unknown) =>
  guest.client.post(`/v1/bookings/${booking}/payment`, body, { "idempotency-key": randomUUID() });

const payWith = async (booking: string, card: string, save?: boolean): Promise<void> => {
  const { body } = await ask(booking, save === undefined ? undefined : { savePaymentMethod: save });
  await browse(`/pay/${String(body.stripePaymentIntentId)}`, body.clientSecret, card);
  await waitUntil("the stay is sold", async () => {
    return (await bookingStatus(guest.client, booking)) === "CONFIRMED";
  });
};

beforeAll(async () => {
  guest = await newGuest();
});

describe("a card", () => {
  test("is kept without paying, listed without its number, and removed", async () => {
    const person = await newGuest();
    expect(await kept(person)).toEqual([]);
    await keep(person);
    await keep(person, "5555555555554444");
    const cards = await kept(person);
    expect(cards).toEqual([
      expect.objectContaining({ brand: "mastercard", last4: "4444" }),
      expect.objectContaining({ brand: "visa", last4: "4242", expiryMonth: 12 }),
    ]);
    const path = `/v1/payment-methods/${cards[0]?.id}`;
    expect((await person.client.delete(path)).status).toBe(204);
    expect((await kept(person)).map(({ last4 }) => last4)).toEqual(["4242"]);
    expect((await person.client.delete(path)).body.code).toBe("PAYMENT_METHOD_NOT_FOUND");
  });

  test("is nobody else's to see or to remove", async () => {
    const [owner, thief] = [await newGuest(), await newGuest()];
    await keep(owner);
    await keep(thief);
    const [card] = await kept(owner);
    expect(await kept(thief)).not.toContainEqual(card);
    const refused = await thief.client.delete(`/v1/payment-methods/${card?.id}`);
    expect(refused.body.code).toBe("PAYMENT_METHOD_NOT_FOUND");
    expect(await kept(owner)).toEqual([card]);
  });

  test("is kept while paying where the guest agrees, and then paid with", async () => {
    await payWith(await hold(), "4242424242424242");
    expect(await kept(guest)).toEqual([]);
    await payWith(await hold(), "4242424242424242", true);
    const [card] = await kept(guest);
    expect(card).toMatchObject({ last4: "4242" });
    await payWith(await hold(), String(card?.id));
    expect(await kept(guest)).toEqual([card]);
  });

  test("is not kept where the guest takes that back before paying", async () => {
    const before = await kept(guest);
    const booking = await hold();
    for (const savePaymentMethod of [true, false, true]) await ask(booking, { savePaymentMethod });
    await payWith(booking, "5555555555554444", false);
    expect(await kept(guest)).toEqual(before);
  });
});

describe("a SetupIntent", () => {
  test("is one an intention, also for twenty at once and after a lost answer", async () => {
    const person = await newGuest();
    const made = (): number =>
      marketplace.stripe.requests().filter(({ path, status, replayed }) => {
        return path === "/v1/setup_intents" && status === 200 && !replayed;
      }).length;
    const before = made();
    marketplace.stripe.control({
      fail: { match: "POST /v1/setup_intents", when: "after", how: "disconnect", times: 2 },
    });
    const key = randomUUID();
    expect((await setUp(person, key)).status).toBe(502);
    const answers = await Promise.all(Array.from({ length: 20 }, () => setUp(person, key)));
    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].every((status) => status === 200 || status === 409)).toBe(true);
    const again = await setUp(person, key);
    expect(again.status).toBe(200);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(made() - before).toBe(1);
  });

  test("needs a key and somebody who is signed in", async () => {
    const refused = await guest.client.post("/v1/setup-intents");
    expect(refused.body.code).toBe("IDEMPOTENCY_KEY_REQUIRED");
    const nobody = guest.client.withToken("nonsense");
    for (const answer of [
      await nobody.post("/v1/setup-intents", undefined, { "idempotency-key": randomUUID() }),
      await nobody.get("/v1/payment-methods"),
      await nobody.delete("/v1/payment-methods/pm_1"),
    ]) {
      expect(answer.status).toBe(401);
    }
  });
});

test("what is no id of a card, or no answer to whether to keep it, is refused", async () => {
  for (const id of ["pi_123", "pm_", "pm_%2E%2E%2Fcustomers", "..%2fcustomers", "x".repeat(3000)]) {
    const { status } = await guest.client.delete(`/v1/payment-methods/${id}`);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  }
  const booking = await hold();
  for (const body of [{ savePaymentMethod: "yes" }, { savePaymentMethod: null }, { save: true }]) {
    expect((await ask(booking, body)).status).toBe(400);
  }
});

test("while Stripe is away nothing of it is said to have happened", async () => {
  await keep(guest);
  const before = await kept(guest);
  marketplace.stripe.control({
    fail: { match: "GET /v1/payment_methods/:id", when: "before", how: "status 500" },
  });
  const [card] = before;
  const failed = await guest.client.delete(`/v1/payment-methods/${card?.id}`);
  expect([failed.status, failed.body.code]).toEqual([502, "PAYMENT_PROVIDER"]);
  expect(await kept(guest)).toEqual(before);
});
