/** The judge of the fault runs: a good market passes, and each kind of wrong is told. */
import { beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import {
  asOwner,
  begunPayment,
  follow,
  hold,
  NOON,
  publishedListing,
  somebody,
  stopClock,
} from "../helpers/factories.ts";
import { type AtStripe, findViolations, RULES } from "./checker.ts";
import type { Call } from "./history.ts";

const database = testDatabase();
let booking: string;
let stripe: AtStripe;
let entries: { id: string; amount: string }[];

beforeAll(async () => {
  await stopClock(database, NOON);
  const guest = await somebody(database, "Gero");
  const listing = await publishedListing(database, await somebody(database, "Hanna"), { units: 2 });
  booking = await hold(database, guest, listing);
  const payment = await begunPayment(database, guest, booking);
  await follow(database, payment, "succeeded");
  const { id: paymentId, intentId, amount: taken } = payment;
  const paidAt = Date.parse(NOON) / 1000;
  stripe = {
    intents: [{ id: intentId, paymentId }],
    charges: [{ intentId, bookingId: booking, paidAt, taken, givenBack: 0 }],
    acknowledged: [],
  };
  const written = await asOwner(database, "select id, amount::text from app_public.ledger_entries");
  entries = written.map(({ id, amount }) => ({ id: String(id), amount: String(amount) }));
});

const call = (changes: Partial<Call>): Call => ({
  client: "guest 1",
  operation: "book",
  key: undefined,
  outcome: "ok",
  code: undefined,
  id: booking,
  status: undefined,
  startedAt: 0,
  endedAt: 1,
  ...changes,
});

const rulesOf = async (
  calls: readonly Call[] = [],
  at: Partial<AtStripe> = {},
  earlier = entries,
): Promise<string[]> => {
  const found = await findViolations(database.owner, calls, { ...stripe, ...at }, earlier);
  return [...new Set(found.map(({ rule }) => rule))];
};

test("a good market passes", async () => {
  const [found] = await asOwner(
    database,
    "select idempotency_key as key from app_public.bookings where id = $1",
    [booking],
  );
  expect(await rulesOf([call({ key: String(found?.key) })])).toEqual([]);
});

test.each<[string, () => Promise<string[]>]>([
  [
    "a booking that was acknowledged is lost",
    () => rulesOf([call({ id: "00000000-0000-7000-8000-000000000000", key: "k" })]),
  ],
  ["a cancellation that was acknowledged is lost", () => rulesOf([call({ operation: "cancel" })])],
  ["a decline that was acknowledged is lost", () => rulesOf([call({ operation: "decline" })])],
  ["Stripe and the ledger differ", () => rulesOf([], { charges: [] })],
  [
    "M6: Stripe made two intents of one attempt",
    () => rulesOf([], { intents: [...stripe.intents, ...stripe.intents] }),
  ],
  [
    "an event that was acknowledged is lost",
    () => rulesOf([], { acknowledged: ["evt_that_was_not_stored"] }),
  ],
  [
    "M2: an entry of the ledger was changed",
    () => rulesOf([], {}, [{ id: "00000000-0000-7000-8000-000000000000", amount: "1" }]),
  ],
])("it tells that %s", async (rule, check) => {
  expect(await check()).toContain(rule);
});

test("it tells that who paid in time lost the stay", async () => {
  await database.scenario(async ({ client }) => {
    await client.query("reset role");
    await client.query("set session_replication_role = replica");
    await client.query("update app_public.bookings set status = 'expired'");
    const told = async (paidAt: number): Promise<string[]> => {
      const late = stripe.charges.map((charge) => ({ ...charge, paidAt }));
      const found = await findViolations(client, [], { ...stripe, charges: late }, entries);
      return found.map(({ rule }) => rule);
    };
    const rule = "M6: who paid in time lost the stay";
    expect(await told(Date.parse(NOON) / 1000 + 60)).toContain(rule);
    expect(await told(Date.parse(NOON) / 1000 + 3600)).not.toContain(rule);
  });
});

test("it tells that a booking that was refused is there", async () => {
  const [found] = await asOwner(
    database,
    "select idempotency_key as key from app_public.bookings where id = $1",
    [booking],
  );
  const refused = call({ outcome: "refused", key: String(found?.key), id: undefined });
  expect(await rulesOf([refused])).toContain("a booking that was refused is there");
});

test.each<[string, string]>([
  [
    "N1: a night is sold twice",
    `alter table app_public.calendar_claims drop constraint calendar_claims_nights_excl;
     insert into app_public.calendar_claims (listing_id, unit_number, nights, kind)
     select listing_id, unit_number, nights, 'block' from app_public.calendar_claims`,
  ],
  [
    "N2: a sold stay without its nights, or nights without their stay",
    "delete from app_public.calendar_claims",
  ],
  [
    "M1: a transaction of the ledger that does not sum to zero",
    "update app_public.ledger_entries set amount = amount + 1 where amount > 0",
  ],
  [
    "M3: a fact that is in the ledger twice",
    `alter table app_public.ledger_transactions
       drop constraint ledger_transactions_external_fact_key;
     insert into app_public.ledger_transactions (external_fact, kind, booking_id, payment_id)
     select external_fact, kind, booking_id, payment_id from app_public.ledger_transactions`,
  ],
  [
    "M6: charged twice for one purpose",
    `drop index app_public.payments_one_live_a_purpose;
     insert into app_public.payments (booking_id, currency, amount, host_amount, platform_amount,
       captured_amount, status, stripe_charge_id)
     select booking_id, currency, amount, host_amount, platform_amount, captured_amount, status,
       'ch_again' from app_public.payments`,
  ],
  [
    "M6: charged without a stay, and nothing says that it goes back",
    "update app_public.bookings set status = 'expired'",
  ],
  [
    "M7: line items that do not sum to the price",
    "delete from app_public.quote_line_items where position = 1",
  ],
  [
    "stuck: a payment that is open although its booking has ended",
    `update app_public.bookings set status = 'cancelled';
     update app_public.payments set status = 'processing'`,
  ],
  [
    "stuck: a request that was accepted and not charged",
    "update app_public.bookings set status = 'accepted', answer_due_at = created_at",
  ],
  [
    "stuck: an event that nobody acts on",
    `insert into app_private.stripe_events (id, type, payload) values ('evt_1', 'x', '{}')`,
  ],
])("it tells of %s", async (rule, wrong) => {
  const { sql } = RULES.find(({ name }) => name === rule) ?? { sql: "" };
  await database.scenario(async ({ client }) => {
    await client.query("reset role");
    expect((await client.query(sql)).rows).toEqual([]);
    await client.query("set session_replication_role = replica");
    await client.query(wrong);
    expect((await client.query(sql)).rows).not.toEqual([]);
  });
});
