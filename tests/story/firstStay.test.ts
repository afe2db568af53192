import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { travel } from "../helpers/clock.ts";
import { testDatabase } from "../helpers/database.ts";
import {
  type Marketplace,
  openMarketplace,
  type RunningProcess,
  waitUntil,
} from "../helpers/marketplace.ts";
import { type Person, signUp } from "./people.ts";
import {
  bookingStatus,
  createBooking,
  createQuote,
  offerListing,
  pay,
  search,
  stayIn,
} from "./stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let worker: RunningProcess;
let host: Person;
let guest: Person;
let listingId: string;

const [A, B] = [0, 1] as const;
const server = (index: number): string => marketplace.servers[index] ?? "";

beforeAll(async () => {
  marketplace = await openMarketplace(database, 2, { PUBLIC_CACHE_MB: "8" });
  worker = marketplace.startWorker();
  host = await signUp(marketplace, server(A), "Hana");
  guest = await signUp(marketplace, server(B), "Gus");
  listingId = await offerListing(host.client);
});

afterAll(async () => {
  await marketplace?.dispose();
});

/** What must be true of a booking that was paid once, whatever happened on the way. */
async function expectPaidOnce(bookingId: string, totalAmount: string): Promise<void> {
  const owner = database.owner;
  const charges = marketplace.stripe.charges().filter((charge) => charge.paid);
  const ofBooking = charges.filter((charge) => charge.transfer_group === bookingId);
  expect(ofBooking.map((charge) => charge.amount)).toEqual([Number(totalAmount)]);

  const ledger = await owner.query(
    `select t.kind, sum(e.amount)::int as balance, count(*)::int as entries,
       sum(e.amount) filter (where e.amount > 0)::text as debit
     from app_public.ledger_transactions t
     join app_public.ledger_entries e on e.transaction_id = t.id
     where t.booking_id = $1 group by t.id`,
    [bookingId],
  );
  expect(ledger.rows).toEqual([{ kind: "charge", balance: 0, entries: 3, debit: totalAmount }]);

  const events = await owner.query(
    "select to_status from app_public.booking_events where booking_id = $1 order by sequence",
    [bookingId],
  );
  expect(events.rows.map((row) => row.to_status)).toEqual(["pending_payment", "confirmed"]);
  for (const check of ["calendar_drift", "ledger_drift", "pricing_drift", "search_drift"]) {
    const drift = await owner.query(`select * from app_private.${check}()`);
    expect({ check, rows: drift.rows }).toEqual({ check, rows: [] });
  }
}

async function mailsAbout(bookingId: string): Promise<string[]> {
  const { rows } = await database.owner.query<{ to: string }>(
    `select c.email as to from app_private.mails m
     join app_public.user_contacts c using (user_id) where m.booking_id = $1`,
    [bookingId],
  );
  const mails = await marketplace.mails();
  const about = mails.filter(
    (mail) => /confirmed|booked/.test(mail.subject) && mail.text.includes(bookingId),
  );
  return rows
    .flatMap(({ to }) => about.filter((mail) => mail.to.includes(to)).map(() => to))
    .sort();
}

interface LogLine {
  readonly msg?: string;
  readonly eventId?: string;
  readonly stored?: boolean;
  readonly req?: { readonly path: string };
  readonly res?: { readonly status: number };
}

function logLines(): LogLine[] {
  const lines = marketplace.output().split("\n");
  return lines.filter((line) => /^{.*}$/.test(line)).map((line) => JSON.parse(line) as LogLine);
}

/** For each time that the server received the event, whether it was new. */
function received(eventId: string): (boolean | undefined)[] {
  const events = logLines().filter(({ msg }) => msg === "event from Stripe");
  return events.filter((line) => line.eventId === eventId).map(({ stored }) => stored);
}

function webhookStatuses(): (number | undefined)[] {
  const answers = logLines().filter(({ req }) => req?.path === "/v1/webhooks/stripe");
  return answers.map(({ res }) => res?.status);
}

describe("the first stay, over HTTP, with two servers and a worker", () => {
  test("goes from search to a paid booking that host and guest see", async () => {
    const stay = stayIn(30, 5);
    const found = await search(guest.client, stay);
    expect(found.map((result) => result.listing.id)).toEqual([listingId]);

    const quote = await createQuote(guest.client, listingId, stay);
    expect(quote.totalAmount).toBe(found[0]?.totalAmount);
    const booking = await createBooking(guest.client, quote.id, "story-key-1");
    expect(booking.status).toBe("PENDING_PAYMENT");
    const again = await createBooking(guest.client, quote.id, "story-key-1");
    expect(again.id).toBe(booking.id);
    expect(await search(guest.client, stay)).toEqual([]);

    const first = await pay(marketplace, guest.client, booking.id);
    expect(first).toMatchObject({ amount: quote.totalAmount, currency: "EUR" });
    await waitUntil("the booking is confirmed", async () => {
      return (await bookingStatus(host.client, booking.id)) === "CONFIRMED";
    });
    await waitUntil("guest and host have mail", async () => {
      return (await mailsAbout(booking.id)).length >= 2;
    });
    expect(await mailsAbout(booking.id)).toEqual([guest.email, host.email].sort());
    await expectPaidOnce(booking.id, quote.totalAmount);

    const { ledgerEntries } = await host.client.query<{
      ledgerEntries: { nodes: { amount: string; account: { kind: string } }[] };
    }>("{ ledgerEntries { nodes { amount account { kind } } } }");
    expect(ledgerEntries.nodes.map((entry) => entry.account.kind)).toEqual(["HOST_PAYABLE"]);

    const stranger = await signUp(marketplace, server(A), "Sam");
    expect(await bookingStatus(stranger.client, booking.id)).toBeUndefined();
    const refused = await stranger.client.askToPay(booking.id);
    expect(refused).toMatchObject({ status: 404, body: { code: "BOOKING_NOT_FOUND" } });
    const paid = await guest.client.askToPay(booking.id);
    expect(paid).toMatchObject({ status: 409, body: { code: "BOOKING_NOT_PAYABLE" } });
  });

  test("ends once, also when the worker is killed and the webhook comes three times", async () => {
    const stay = stayIn(60, 3);
    const quote = await createQuote(guest.client, listingId, stay);
    const booking = await createBooking(guest.client, quote.id, "story-key-2");

    // The worker hangs in the middle of the job, and dies there.
    marketplace.stripe.control({
      fail: { match: "GET /v1/payment_intents/*", when: "before", how: "timeout", times: 100 },
    });
    await pay(marketplace, guest.client, booking.id);
    await waitUntil("the worker is at work on the event", async () => {
      const { rows } = await database.owner.query(
        `select from graphile_worker.jobs
         where task_identifier = 'stripe__process_event' and locked_by is not null`,
      );
      return rows.length > 0;
    });
    await worker.kill();
    marketplace.stripe.control({ reset: true });
    const succeeded = marketplace.stripe
      .events()
      .filter((event) => event.type === "payment_intent.succeeded")
      .at(-1);
    const eventId = succeeded?.id ?? "";
    marketplace.stripe.control({ redeliver: { event: eventId, times: 3 } });
    // The simulator is done with a delivery when the answer was a 2xx, and not before.
    await waitUntil("the webhook is delivered three times more", () => {
      return marketplace.stripe.report().pending.length === 0 && received(eventId).length >= 4;
    });
    expect(received(eventId)).toEqual([true, false, false, false]);
    expect(new Set(webhookStatuses())).toEqual(new Set([200]));
    expect(await bookingStatus(guest.client, booking.id)).toBe("PENDING_PAYMENT");

    worker = marketplace.startWorker();
    await waitUntil(
      "the next worker confirms the booking",
      async () => (await bookingStatus(guest.client, booking.id)) === "CONFIRMED",
    );
    await waitUntil("nothing is left to do", async () => {
      const { rows } = await database.owner.query(
        `select from graphile_worker.jobs
         where task_identifier not in ('booking__expire_holds', 'payment__end_hold')`,
      );
      return rows.length === 0;
    });
    await expectPaidOnce(booking.id, quote.totalAmount);
    expect(await mailsAbout(booking.id)).toEqual([guest.email, host.email].sort());
  });

  test("is reviewed after check-out, and the listing's average follows", async () => {
    const stay = stayIn(2, 2);
    const quote = await createQuote(guest.client, listingId, stay);
    const booking = await createBooking(guest.client, quote.id, "story-key-3");
    await pay(marketplace, guest.client, booking.id);
    await waitUntil("the booking is confirmed", async () => {
      return (await bookingStatus(guest.client, booking.id)) === "CONFIRMED";
    });
    const review = `mutation ($id: UUID!) {
      submitReview(input: { bookingId: $id, rating: 4, comment: "The river!" }) {
        review { rating listing { reviewCount averageRating } }
      }
    }`;
    const early = await guest.client.send(review, { id: booking.id });
    expect(early.errors[0]?.extensions?.code).toBe("STAY_NOT_OVER");

    await travel(database, "10 days");
    const { submitReview } = await guest.client.query<{
      submitReview: { review: { rating: number; listing: unknown } };
    }>(review, { id: booking.id });
    expect(submitReview.review).toEqual({
      rating: 4,
      listing: { reviewCount: 1, averageRating: "4.00" },
    });
    const twice = await guest.client.send(review, { id: booking.id });
    expect(twice.errors[0]?.extensions?.code).toBe("ALREADY_REVIEWED");
  });

  test("leaves no secret and no address in the logs", async () => {
    const output = marketplace.output();
    expect(output).toContain('"path":"/graphql"');
    for (const secret of [
      host.email,
      guest.email,
      "correct horse",
      "whsec_",
      "sk_test_",
      "_secret_",
    ]) {
      expect(output).not.toContain(secret);
    }
  });

  test("ends every process in good order", async () => {
    expect(await worker.stop()).toBe(0);
  });
});
