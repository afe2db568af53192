/** A saved card is charged for a change of a stay, its guest being away; and the way back. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { type Person, signUp } from "../story/people.ts";
import { bookingStatus, createBooking, createQuote, offerListing, stayIn } from "../story/stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let host: Person;
let listingId: string;

const VISA = "4242424242424242";
const ASKS_EACH_TIME = "4000002760003184";

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  host = await signUp(marketplace, marketplace.servers[0] ?? "", "Hana");
  listingId = await offerListing(host.client);
});

afterEach(async () => {
  marketplace.stripe.control({ reset: true });
  for (const check of ["ledger_drift", "calendar_drift"]) {
    const { rows } = await database.owner.query(`select * from app_private.${check}()`);
    expect(rows).toEqual([]);
  }
});

afterAll(async () => {
  await marketplace?.dispose();
});

const browse = (path: string, form: Record<string, unknown>): Promise<Response> =>
  fetch(`${marketplace.stripe.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(form),
  });

/** Pays in a browser, with what the bank asks for; the card is kept where the guest says so. */
async function pay(guest: Person, booking: string, card: string, save = false): Promise<void> {
  const { body } = await guest.client.post(
    `/v1/bookings/${booking}/payment`,
    { savePaymentMethod: save },
    { "idempotency-key": randomUUID() },
  );
  const intent = String(body.stripePaymentIntentId);
  await browse(`/pay/${intent}`, { client_secret: body.clientSecret, card });
  await browse(`/authenticate/${intent}`, { client_secret: body.clientSecret, outcome: "approve" });
}

let stays = 0;

/** A sold stay of a new guest, whose card is kept where `saved` is one. */
async function sold(saved: string | undefined): Promise<[guest: Person, booking: string]> {
  stays += 1;
  const guest = await signUp(marketplace, marketplace.servers[0] ?? "", `Gus${stays}`);
  const quote = await createQuote(guest.client, listingId, stayIn(10 + stays * 6, 2));
  const { id } = await createBooking(guest.client, quote.id, `charge-stay-${stays}`);
  await pay(guest, id, saved ?? VISA, saved !== undefined);
  await waitUntil("the stay is sold", async () => {
    return (await bookingStatus(guest.client, id)) === "CONFIRMED";
  });
  return [guest, id];
}

interface Change {
  readonly id: string;
  readonly status: string;
  readonly chargeFailedAt: string | null;
}

const PROPOSE = `mutation ($id: UUID!, $key: String!, $in: Date!, $out: Date!) {
  proposeAlteration(input: { bookingId: $id, idempotencyKey: $key, checkIn: $in, checkOut: $out,
    guests: 2, chargeSavedCard: true }) { alteration { id } } }`;
const ACCEPT = `mutation ($id: UUID!, $key: String!) {
  acceptAlteration(input: { alterationId: $id, idempotencyKey: $key }) { alteration { id } } }`;
const CHANGE = `query ($id: UUID!) { booking(id: $id) {
  alterations { id status chargeFailedAt } } }`;

/** Another night, to be charged to the saved card; the host has accepted. */
async function accepted(guest: Person, booking: string): Promise<void> {
  const stay = { in: stayIn(10 + stays * 6, 3).checkIn, out: stayIn(10 + stays * 6, 3).checkOut };
  const made = await guest.client.query<{ proposeAlteration: { alteration: { id: string } } }>(
    PROPOSE,
    { id: booking, key: randomUUID(), ...stay },
  );
  const { id } = made.proposeAlteration.alteration;
  await host.client.query(ACCEPT, { id, key: randomUUID() });
}

async function change(guest: Person, booking: string): Promise<Change> {
  const answer = await guest.client.query<{ booking: { alterations: Change[] } }>(CHANGE, {
    id: booking,
  });
  const [found] = answer.booking.alterations;
  if (found === undefined) throw new Error("There is no change.");
  return found;
}

const until = (what: string, guest: Person, booking: string, is: (found: Change) => boolean) =>
  waitUntil(what, async () => is(await change(guest, booking)));

/** Charges of the change of a booking that took money. */
const taken = (booking: string): number =>
  marketplace.stripe
    .paymentIntents()
    .filter(({ transfer_group: of, amount_received: sum }) => of === booking && sum > 0).length - 1;

const mailed = async (guest: Person, subject: RegExp): Promise<number> =>
  (await marketplace.mails()).filter(
    (mail) => mail.to.includes(guest.email) && subject.test(mail.subject),
  ).length;

test("the stay changes without the guest, who is told once that it has", async () => {
  const [guest, booking] = await sold(VISA);
  await accepted(guest, booking);
  await until("the stay has changed", guest, booking, ({ status }) => status === "APPLIED");
  expect(taken(booking)).toBe(1);
  await waitUntil("the mail", async () => (await mailed(guest, /has changed/)) === 1);
  expect(await mailed(guest, /Pay to change/)).toBe(0);
});

test.each([
  ["the intent", "POST /v1/payment_intents"],
  ["its confirmation", "POST /v1/payment_intents/:id/confirm"],
])("money is taken once where the answer to %s is lost", async (_, match) => {
  const [guest, booking] = await sold(VISA);
  marketplace.stripe.control({ fail: { match, when: "after", how: "disconnect", times: 2 } });
  await accepted(guest, booking);
  await until("the stay has changed", guest, booking, ({ status }) => status === "APPLIED");
  expect(taken(booking)).toBe(1);
});

test("a bank that wants the guest gets the guest, and the stay changes then", async () => {
  const [guest, booking] = await sold(ASKS_EACH_TIME);
  await accepted(guest, booking);
  await until("it is told", guest, booking, (found) => found.chargeFailedAt !== null);
  expect(await change(guest, booking)).toMatchObject({ status: "ACCEPTED" });
  expect(taken(booking)).toBe(0);
  await waitUntil("the mail", async () => (await mailed(guest, /Pay to change/)) === 1);
  await pay(guest, booking, ASKS_EACH_TIME);
  await until("the stay has changed", guest, booking, ({ status }) => status === "APPLIED");
  expect(taken(booking)).toBe(1);
});

test("who has kept no card is asked to pay", async () => {
  const [guest, booking] = await sold(undefined);
  await accepted(guest, booking);
  await until("it is told", guest, booking, (found) => found.chargeFailedAt !== null);
  await pay(guest, booking, VISA);
  await until("the stay has changed", guest, booking, ({ status }) => status === "APPLIED");
});

test("a host does not charge the guest's card", async () => {
  const [, booking] = await sold(VISA);
  const days = stayIn(10 + stays * 6, 3);
  const { errors } = await host.client.send(PROPOSE, {
    ...{ id: booking, key: randomUUID(), in: days.checkIn, out: days.checkOut },
  });
  expect(errors[0]?.extensions?.code).toBe("FORBIDDEN");
});
