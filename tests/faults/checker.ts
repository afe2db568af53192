/**
 * Judges a run from outside: it reads tables, the objects at Stripe and the history, and calls no code of the product
 * but the checks that the product promises to find nothing.
 */
import type pg from "pg";
import type { Call } from "./history.ts";

/** What Stripe has of a charge: taken and given back, in minor units. */
export interface Charge {
  readonly intentId: string;
  readonly bookingId: string;
  /** When the guest paid, in seconds of the common time. */
  readonly paidAt: number;
  readonly taken: number;
  readonly givenBack: number;
}

/** What is at Stripe in the end. */
export interface AtStripe {
  readonly intents: readonly { readonly id: string; readonly paymentId: string }[];
  readonly charges: readonly Charge[];
  /** Events that were answered with 2xx. */
  readonly acknowledged: readonly string[];
}

export interface Violation {
  readonly rule: string;
  readonly detail: string;
}

type Database = pg.Pool | pg.ClientBase;

interface Rule {
  readonly name: string;
  /** Finds one row for each violation; its columns say which. */
  readonly sql: string;
}

/** What may never be found, each by tables alone. */
export const RULES: readonly Rule[] = [
  {
    name: "N1: a night is sold twice",
    sql: `select a.id, b.id as other, a.nights::text from app_public.calendar_claims a
      join app_public.calendar_claims b on b.listing_id = a.listing_id and b.id > a.id
        and b.unit_number = a.unit_number and b.nights && a.nights`,
  },
  {
    name: "N2: a sold stay without its nights, or nights without their stay",
    sql: `select b.id, b.status::text, c.kind::text from app_public.bookings b
      full join (
        select * from app_public.calendar_claims where alteration_id is null
      ) c on c.booking_id = b.id
      where (b.status in ('confirmed', 'completed') and c.kind is distinct from 'booking')
        or (c.kind = 'booking' and b.status not in ('confirmed', 'completed'))
        or (c.kind in ('booking', 'hold') and b.id is null)`,
  },
  {
    name: "M1: a transaction of the ledger that does not sum to zero",
    sql: `select e.transaction_id, sum(e.amount)::text from app_public.ledger_entries e
      group by e.transaction_id, e.currency having sum(e.amount) <> 0`,
  },
  {
    name: "M3: a fact that is in the ledger twice",
    sql: `select external_fact, count(*)::int from app_public.ledger_transactions
      group by external_fact having count(*) > 1`,
  },
  {
    name: "M6: charged twice for one purpose",
    sql: `select booking_id, purpose::text, count(*)::int from app_public.payments
      where captured_amount > 0 group by booking_id, purpose, sequence having count(*) > 1`,
  },
  {
    name: "M6: charged without a stay, and nothing says that it goes back",
    sql: `select p.booking_id, b.status::text, p.captured_amount::text from app_public.payments p
      join app_public.bookings b on b.id = p.booking_id
      where b.status in ('pending_payment', 'requested', 'accepted', 'expired', 'declined')
        and p.captured_amount > (
          select coalesce(sum(r.amount), 0) from app_public.refunds r
          where r.payment_id = p.id and (r.status <> 'failed' or r.needs_attention)
        )`,
  },
  {
    name: "M7: line items that do not sum to the price",
    sql: `select b.id from app_public.bookings b
      where b.total_amount <> (
        select sum(i.amount) from app_public.quote_line_items i
        where i.quote_id = b.quote_id and i.payer = 'guest'
      )`,
  },
  {
    name: "J1: a job that gave up",
    sql: `select task_identifier, key, attempts, max_attempts, created_at, run_at, last_error
      from graphile_worker.jobs
      where attempts >= max_attempts
        -- It was queued anew while it ran: the new job has its key, and does its work.
        and not (key is null and task_identifier ~ '^(mail|payment|refund|stripe__process)_')`,
  },
  {
    name: "stuck: a payment that is open although its booking has ended",
    sql: `select p.id, p.status::text, b.status::text from app_public.payments p
      join app_public.bookings b on b.id = p.booking_id
      where p.status in ('processing', 'authorised')
        and b.status in ('expired', 'declined', 'cancelled')`,
  },
  {
    name: "stuck: a request that was accepted and not charged",
    sql: "select id from app_public.bookings where status = 'accepted'",
  },
  {
    name: "stuck: a refund that nobody asks for",
    sql: "select id, status::text from app_public.refunds where status in ('requested', 'pending')",
  },
  {
    name: "stuck: an event that nobody acts on",
    sql: "select id, type from app_private.stripe_events where processed_at is null",
  },
  {
    name: "the product's own check: the ledger",
    sql: "select * from app_private.ledger_drift()",
  },
  {
    name: "the product's own check: the calendar",
    sql: "select * from app_private.calendar_drift()",
  },
];

export async function findViolations(
  database: Database,
  calls: readonly Call[],
  stripe: AtStripe,
  earlierEntries: readonly { readonly id: string; readonly amount: string }[],
): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const { name, sql } of RULES) {
    const { rows } = await database.query<Record<string, unknown>>(sql);
    violations.push(...rows.map((row) => ({ rule: name, detail: JSON.stringify(row) })));
  }
  violations.push(...(await changedEntries(database, earlierEntries)));
  violations.push(...(await unlikeStripe(database, stripe.charges)));
  violations.push(...(await lostStays(database, stripe.charges)));
  violations.push(...(await askedTwice(database, stripe.intents)));
  violations.push(...(await lostEvents(database, stripe.acknowledged)));
  violations.push(...(await unlikeAnswers(database, calls)));
  return violations;
}

/** M2: what was in the ledger is there still, and the same. */
async function changedEntries(
  database: Database,
  earlier: readonly { readonly id: string; readonly amount: string }[],
): Promise<Violation[]> {
  const { rows } = await database.query<{ id: string; amount: string }>(
    "select id, amount::text from app_public.ledger_entries",
  );
  const now = new Map(rows.map(({ id, amount }) => [id, amount]));
  return earlier
    .filter(({ id, amount }) => now.get(id) !== amount)
    .map(({ id, amount }) => ({
      rule: "M2: an entry of the ledger was changed",
      detail: `${id} was ${amount} and is ${now.get(id) ?? "gone"}`,
    }));
}

/** What Stripe has of each booking is what the ledger says that Stripe has. */
async function unlikeStripe(database: Database, charges: readonly Charge[]): Promise<Violation[]> {
  const { rows } = await database.query<{ id: string; amount: number }>(
    `select t.booking_id as id, sum(e.amount)::int as amount
     from app_public.ledger_transactions t
     join app_public.ledger_entries e on e.transaction_id = t.id
     join app_public.ledger_accounts a on a.id = e.account_id and a.kind = 'stripe_balance'
     where t.booking_id is not null group by t.booking_id`,
  );
  const booked = new Map(rows.map(({ id, amount }) => [id, amount]));
  const taken = new Map<string, number>();
  for (const { bookingId, taken: more, givenBack } of charges) {
    taken.set(bookingId, (taken.get(bookingId) ?? 0) + more - givenBack);
  }
  const ids = new Set([...booked.keys(), ...taken.keys()]);
  return [...ids]
    .filter((id) => (booked.get(id) ?? 0) !== (taken.get(id) ?? 0))
    .map((id) => ({
      rule: "Stripe and the ledger differ",
      detail: `${id}: Stripe has ${taken.get(id) ?? 0}, the ledger ${booked.get(id) ?? 0}`,
    }));
}

/** M6: who paid in time keeps the stay, however late the news of it was. */
async function lostStays(database: Database, charges: readonly Charge[]): Promise<Violation[]> {
  const { rows } = await database.query<{ intent: string; deadline: number }>(
    `select p.stripe_payment_intent_id as intent,
       extract(epoch from b.hold_expires_at)::float8 as deadline
     from app_public.bookings b join app_public.payments p on p.booking_id = b.id
     where b.status = 'expired' and b.booking_mode = 'instant' and p.purpose = 'stay'
       and p.stripe_payment_intent_id is not null`,
  );
  const deadlines = new Map(rows.map(({ intent, deadline }) => [intent, deadline]));
  return charges
    .filter(({ intentId, paidAt }) => paidAt < (deadlines.get(intentId) ?? 0))
    .map(({ bookingId, intentId }) => ({
      rule: "M6: who paid in time lost the stay",
      detail: `${bookingId} was paid with ${intentId}`,
    }));
}

/** An attempt of a payment has one intent, however often it was asked for. */
async function askedTwice(database: Database, intents: AtStripe["intents"]): Promise<Violation[]> {
  const { rows } = await database.query<{ id: string; attempt: number }>(
    "select id, attempt from app_public.payments",
  );
  const made = Map.groupBy(intents, ({ paymentId }) => paymentId);
  return rows
    .filter(({ id, attempt }) => (made.get(id)?.length ?? 0) > attempt)
    .map(({ id, attempt }) => ({
      rule: "M6: Stripe made two intents of one attempt",
      detail: `${id} is in attempt ${attempt} and has ${made.get(id)?.length} intents`,
    }));
}

async function lostEvents(
  database: Database,
  acknowledged: readonly string[],
): Promise<Violation[]> {
  const { rows } = await database.query<{ id: string }>("select id from app_private.stripe_events");
  const stored = new Set(rows.map(({ id }) => id));
  return acknowledged
    .filter((id) => !stored.has(id))
    .map((id) => ({ rule: "an event that was acknowledged is lost", detail: id }));
}

/** Nothing that was acknowledged is lost, and nothing that was refused had an effect. */
async function unlikeAnswers(database: Database, calls: readonly Call[]): Promise<Violation[]> {
  const { rows } = await database.query<{ id: string; key: string; status: string }>(
    `select b.id, b.idempotency_key as key, b.status::text as status from app_public.bookings b`,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const everOk = new Set(
    calls.filter(({ outcome }) => outcome !== "refused").map(({ key }) => key),
  );
  const violations: Violation[] = [];
  for (const { operation, outcome, id = "", key, code } of calls) {
    const status = byId.get(id)?.status;
    const tell = (rule: string): void =>
      void violations.push({
        rule,
        detail: `${operation} ${id} ${key ?? ""} ${code ?? ""}: ${status}`,
      });
    if (operation === "book" && outcome === "ok" && byId.get(id)?.key !== key) {
      tell("a booking that was acknowledged is lost");
    }
    if (operation === "book" && outcome === "refused" && !everOk.has(key) && byKey.has(key ?? "")) {
      tell("a booking that was refused is there");
    }
    if (operation === "cancel" && outcome === "ok" && status !== "cancelled") {
      tell("a cancellation that was acknowledged is lost");
    }
    if (operation === "decline" && outcome === "ok" && status !== "declined") {
      tell("a decline that was acknowledged is lost");
    }
    const accepted = ["accepted", "confirmed", "completed", "cancelled", "expired"];
    if (operation === "accept" && outcome === "ok" && !accepted.includes(status ?? "")) {
      tell("an acceptance that was acknowledged is lost");
    }
  }
  return violations;
}
