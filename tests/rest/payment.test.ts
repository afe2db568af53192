import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { travel } from "../helpers/fixture.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { type Person, signUp } from "../story/people.ts";
import {
  type Booking,
  bookingStatus,
  createBooking,
  createQuote,
  offerListing,
  pay,
  type Stay,
  stayIn,
} from "../story/stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let guest: Person;
let rival: Person;
let listingId: string;
let booked = 0;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
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

/** A booking of nights that no other test wants. */
async function hold(person: Person = guest, stay?: Stay): Promise<Booking & { stay: Stay }> {
  booked += 1;
  const nights = stay ?? stayIn(10 + booked * 3, 2);
  const quote = await createQuote(person.client, listingId, nights);
  const booking = await createBooking(person.client, quote.id, `payment-test-${booked}`);
  return { ...booking, stay: nights };
}

async function untilStatus(bookingId: string, status: string): Promise<void> {
  await waitUntil(`the booking is ${status}`, async () => {
    return (await bookingStatus(guest.client, bookingId)) === status;
  });
}

function intentsOf(bookingId: string): string[] {
  const intents = marketplace.stripe.paymentIntents();
  return intents.filter((intent) => intent.transfer_group === bookingId).map(({ id }) => id);
}

async function payment(bookingId: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await database.owner.query(
    `select status, captured_amount::int, refunded_amount::int, failure_code
     from app_public.payments where booking_id = $1`,
    [bookingId],
  );
  return rows[0];
}

async function drift(): Promise<unknown[]> {
  const calendar = await database.owner.query("select * from app_private.calendar_drift()");
  const ledger = await database.owner.query("select * from app_private.ledger_drift()");
  return [...calendar.rows, ...ledger.rows];
}

describe("asking to pay", () => {
  test("makes one PaymentIntent of the booking's amount, however often it is asked", async () => {
    const booking = await hold();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => guest.client.askToPay(booking.id)),
    );
    // Stripe refuses two requests with one key at the same moment: the others wait for the first.
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    const again = await guest.client.askToPay(booking.id);
    expect(again.status).toBe(200);
    expect(intentsOf(booking.id)).toEqual([again.body.stripePaymentIntentId]);
    const { rows } = await database.owner.query(
      "select total_amount::text as amount from app_public.bookings where id = $1",
      [booking.id],
    );
    expect(again.body).toMatchObject(rows[0]);
  });

  test("names one customer for all intents of a guest", async () => {
    const bookings = [await hold(), await hold()];
    for (const { id } of bookings) expect((await guest.client.askToPay(id)).status).toBe(200);
    const intents = marketplace.stripe
      .paymentIntents()
      .filter(({ transfer_group: group }) => bookings.some(({ id }) => id === group));
    expect(new Set(intents.map(({ customer }) => customer)).size).toBe(1);
    const { rows } = await database.owner.query<{ customer: string }>(
      `select distinct stripe_customer_id as customer from app_public.payments
       where booking_id = any ($1)`,
      [bookings.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ customer: intents[0]?.customer }]);
  });

  test.each(["status 500", "disconnect"] as const)(
    "finds the PaymentIntent that Stripe made before it failed with %s",
    async (how) => {
      const booking = await hold();
      marketplace.stripe.control({
        fail: { match: "POST /v1/payment_intents", when: "after", how, times: 2 },
      });
      const failed = await guest.client.askToPay(booking.id);
      expect(failed).toMatchObject({ status: 502, body: { code: "PAYMENT_PROVIDER" } });
      marketplace.stripe.control({ reset: true });
      const repeated = await guest.client.askToPay(booking.id);
      expect(repeated.status).toBe(200);
      expect(intentsOf(booking.id)).toEqual([repeated.body.stripePaymentIntentId]);
    },
  );

  test.each([400, 401, 402, 403, 404, 500, 503])(
    "says whether it helps to repeat when Stripe answers %i",
    async (status) => {
      const booking = await hold(rival);
      const ask = () => rival.client.askToPay(booking.id);
      const match = "POST /v1/payment_intents";
      marketplace.stripe.control({ fail: { match, when: "before", how: `status ${status}` } });
      const code = status < 409 ? "PAYMENT_REFUSED" : "PAYMENT_PROVIDER";
      expect(await ask()).toMatchObject({ status: 502, body: { code } });
      expect(await ask()).toMatchObject({ status: 200 });
      await database.owner.query("select app_private.expire_holds()");
    },
  );

  test("waits where Stripe has too many requests, and says that this one may come again", async () => {
    const booking = await hold(rival);
    const match = "POST /v1/payment_intents";
    marketplace.stripe.control({ fail: { match, when: "before", how: "status 429", times: 2 } });
    expect(await rival.client.askToPay(booking.id)).toMatchObject({ status: 200 });
    expect(intentsOf(booking.id)).toHaveLength(1);
  });

  test("is too late when the hold has expired", async () => {
    const booking = await hold();
    await travel(database, "16 minutes");
    expect(await guest.client.askToPay(booking.id)).toMatchObject({
      status: 409,
      body: { code: "HOLD_EXPIRED" },
    });
  });
});

describe("cards", () => {
  test("that are declined leave the booking waiting, and another card pays it", async () => {
    const booking = await hold();
    await pay(marketplace, guest.client, booking.id, "4000000000000002");
    await waitUntil("the refusal is noted", async () => {
      return (await payment(booking.id))?.failure_code !== null;
    });
    expect(await bookingStatus(guest.client, booking.id)).toBe("PENDING_PAYMENT");
    await pay(marketplace, guest.client, booking.id);
    await untilStatus(booking.id, "CONFIRMED");
    expect(await payment(booking.id)).toMatchObject({ status: "captured", failure_code: null });
  });

  test("that want authentication confirm the booking when it succeeds", async () => {
    const booking = await hold();
    const { stripePaymentIntentId: intent, clientSecret } = await pay(
      marketplace,
      guest.client,
      booking.id,
      "4000002500003155",
    );
    await waitUntil("the payment requires action", async () => {
      return (await payment(booking.id))?.status === "requires_action";
    });
    await fetch(`${marketplace.stripe.url}/authenticate/${String(intent)}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ client_secret: clientSecret, outcome: "approve" }),
    });
    await untilStatus(booking.id, "CONFIRMED");
  });
});

describe("webhooks", () => {
  test("that come in any order, twice, or late end in the same booking", async () => {
    const booking = await hold();
    marketplace.stripe.control({ webhooks: { reorder: true, duplicate: 10, delayMs: 50 } });
    await pay(marketplace, guest.client, booking.id);
    await untilStatus(booking.id, "CONFIRMED");
    expect(await payment(booking.id)).toMatchObject({ status: "captured" });
    expect(await drift()).toEqual([]);
  });
});

describe("money that comes after the hold has expired", () => {
  test("takes the nights again where they are free", async () => {
    const booking = await hold();
    marketplace.stripe.control({ webhooks: { paused: true } });
    await pay(marketplace, guest.client, booking.id);
    await travel(database, "20 minutes");
    await database.owner.query("select app_private.expire_holds()");
    // The expiry also asks Stripe to cancel, and finds the money there: either way it settles.
    marketplace.stripe.control({ webhooks: { paused: false } });
    await untilStatus(booking.id, "CONFIRMED");
    expect(await payment(booking.id)).toMatchObject({ status: "captured", refunded_amount: 0 });
    expect(await drift()).toEqual([]);
  });

  test("is given back where somebody else has them, and the guest is told", async () => {
    const booking = await hold();
    marketplace.stripe.control({
      webhooks: { paused: true },
      fail: { match: "POST /v1/payment_intents/*/cancel", when: "before", how: "status 500" },
    });
    const paid = await pay(marketplace, guest.client, booking.id);
    const amount = Number(paid.amount);
    // Stripe has ten minutes more than the guest had, and does not answer.
    await travel(database, "26 minutes");
    // The rival's booking frees the expired hold and takes the nights in one transaction.
    const other = await hold(rival, booking.stay);
    expect(other.status).toBe("PENDING_PAYMENT");
    expect(await bookingStatus(guest.client, booking.id)).toBe("EXPIRED");

    marketplace.stripe.control({ reset: true });
    await waitUntil("the money is back", async () => {
      return (await payment(booking.id))?.status === "refunded";
    });
    expect(await payment(booking.id)).toEqual({
      status: "refunded",
      captured_amount: amount,
      refunded_amount: amount,
      failure_code: null,
    });
    expect(await bookingStatus(guest.client, booking.id)).toBe("EXPIRED");
    expect(marketplace.stripe.refunds().map((refund) => refund.amount)).toEqual([amount]);
    const { rows } = await database.owner.query(
      `select a.kind, sum(e.amount)::int as balance
       from app_public.ledger_transactions t
       join app_public.ledger_entries e on e.transaction_id = t.id
       join app_public.ledger_accounts a on a.id = e.account_id
       where t.booking_id = $1 group by a.kind order by a.kind`,
      [booking.id],
    );
    expect(rows).toEqual([
      { kind: "stripe_balance", balance: 0 },
      { kind: "guest_payable", balance: 0 },
    ]);
    expect(await drift()).toEqual([]);
    await waitUntil("the guest has the mail", async () => {
      return (await marketplace.mails()).some((mail) => /refunded/.test(mail.subject));
    });
  });
});
