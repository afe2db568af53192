/** The first stay through REST alone: offer, find, quote, book, pay, host, and review. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { DAY, testClock } from "../helpers/clock.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { type Person, signUp } from "./people.ts";
import { stayIn } from "./stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let host: Person;
let guest: Person;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1, { PUBLIC_CACHE_MB: "8" });
  marketplace.startWorker();
  const [server = ""] = marketplace.servers;
  host = await signUp(marketplace, server, "Hana");
  guest = await signUp(marketplace, server, "Gus");
});

afterAll(async () => {
  await marketplace?.dispose();
});

/** Sends a request that must succeed with this status. */
async function ask(
  { client }: Person,
  status: number,
  [method, path]: readonly [method: string, path: string],
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  const answer = await client.rest(method, path, body, headers);
  expect({ path, status: answer.status, body: answer.body }).toMatchObject({ path, status });
  return answer.body;
}

async function offer(): Promise<string> {
  const draft = {
    title: "House above the river",
    description: "Two rooms, a terrace, and the river below.",
    houseRules: "No parties, please.",
    maxGuests: 4,
  };
  const { id } = await ask(host, 201, ["POST", "/v1/listings"], draft);
  const listing = `/v1/listings/${String(id)}`;
  await ask(host, 200, ["PUT", `${listing}/address`], {
    street: "Rua do Alecrim 12",
    city: "Lisbon",
    countryCode: "PT",
    timeZone: "Europe/Lisbon",
    longitude: -9.1437,
    latitude: 38.7096,
  });
  const photo = { url: "https://example.com/terrace.jpg", caption: "The terrace" };
  await ask(host, 201, ["POST", `${listing}/photos`], photo);
  const rates = { currency: "EUR", nightlyAmount: "10000", cleaningFeeAmount: "2500" };
  expect(await ask(host, 200, ["PUT", `${listing}/rates`], rates)).toMatchObject(rates);
  await ask(host, 200, ["PUT", `${listing}/amenities`], { amenityCodes: ["wifi"] });
  expect(await ask(host, 200, ["POST", `${listing}/publish`])).toMatchObject({
    id,
    status: "published",
  });
  return String(id);
}

test("goes from an offer to a review", async () => {
  const listingId = await offer();
  const stay = stayIn(30, 5);
  const box = "west=-9.3&south=38.6&east=-9&north=38.8";
  const search = `/v1/search?${box}&checkIn=${stay.checkIn}&checkOut=${stay.checkOut}&guests=2`;
  const found = await ask(guest, 200, ["GET", `${search}&amenities=wifi&include=listing`]);
  expect(found).toMatchObject({
    items: [{ listingId, currency: "EUR", listing: { type: "entire_home" } }],
    nextCursor: null,
  });
  const [{ totalAmount } = {}] = found.items as { totalAmount?: string }[];
  const order = { listingId, ...stay, guests: 2 };
  const quote = await ask(guest, 201, ["POST", "/v1/quotes"], order);
  expect(quote).toMatchObject({ ...order, totalAmount, currency: "EUR" });

  const key = { "idempotency-key": "rest-story-1" };
  const book = { quoteId: quote.id };
  const booking = await ask(guest, 201, ["POST", "/v1/bookings"], book, key);
  expect(booking).toMatchObject({ status: "pending_payment", totalAmount });
  expect(await ask(guest, 201, ["POST", "/v1/bookings"], book, key)).toEqual(booking);
  expect(await ask(guest, 200, ["GET", search])).toEqual({ items: [], nextCursor: null });

  const at = `/v1/bookings/${String(booking.id)}`;
  const paid = await ask(guest, 200, ["POST", `${at}/payment`], undefined, {
    "idempotency-key": "rest-story-2",
  });
  expect(paid).toMatchObject({ amount: totalAmount, currency: "EUR" });
  await fetch(`${marketplace.stripe.url}/pay/${String(paid.stripePaymentIntentId)}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_secret: paid.clientSecret, card: "4242424242424242" }),
  });
  await waitUntil("the booking is confirmed", async () => {
    return (await guest.client.get(at)).body.status === "confirmed";
  });

  const asHost = "/v1/bookings?role=host&status=confirmed&include=guest&include=totalCount";
  expect(await ask(host, 200, ["GET", `${asHost}&arrivingFrom=${stay.checkIn}`])).toMatchObject({
    items: [{ id: booking.id, guest: { displayName: "Gus" } }],
    totalCount: 1,
    nextCursor: null,
  });
  const asGuest = "/v1/bookings?role=guest";
  expect(await ask(host, 200, ["GET", asGuest])).toEqual({ items: [], nextCursor: null });
  const payments = await ask(guest, 200, ["GET", `${at}/payments`]);
  expect(payments).toMatchObject({ items: [{ status: "captured", amount: totalAmount }] });

  await testClock(database, marketplace.stripe).forward(36 * DAY);
  await waitUntil("the stay is over", async () => {
    return (await guest.client.get(at)).body.status === "completed";
  });
  const words = { bookingId: booking.id, rating: 5, comment: "We would come again." };
  const review = await ask(guest, 201, ["POST", "/v1/reviews"], words);
  expect(
    await ask(host, 200, ["GET", `/v1/listings/${listingId}/reviews?include=author`]),
  ).toMatchObject({
    items: [{ id: review.id, rating: 5, direction: "guest_to_host", author: { id: guest.userId } }],
  });
});
