/** Bugs that are planted into a run, to see that the checker catches them. */
import type pg from "pg";
import type { SourceEdit } from "./sources.ts";

type Plant = (database: pg.Pool) => Promise<void>;

interface Bug {
  /** Changes the database, once the market is there. */
  readonly database?: Plant;
  /** Changes what servers and workers load. */
  readonly sources?: readonly SourceEdit[];
}

const run =
  (...statements: readonly string[]): Plant =>
  async (database) => {
    for (const statement of statements) await database.query(statement);
  };

/** Changes one place of a function; throws where the place is not there any more. */
const edit =
  (signature: string, from: string, to: string): Plant =>
  async (database) => {
    const { rows } = await database.query<{ text: string }>(
      "select pg_get_functiondef($1::regprocedure) as text",
      [signature],
    );
    const text = rows[0]?.text ?? "";
    if (!text.includes(from)) throw new Error(`${signature} has no "${from}" to break.`);
    await database.query(text.replace(from, to));
  };

const all =
  (...plants: readonly Plant[]): Plant =>
  async (database) => {
    for (const plant of plants) await plant(database);
  };

const INTENT =
  "app_private.apply_payment_intent(text,uuid,text,bigint,text,text,bigint,text,timestamptz)";
const REFUND = "app_private.apply_refund(uuid,text,text,text,bigint,text,text)";

const POST =
  "app_hidden.post_ledger(text, text, uuid, app_hidden.ledger_posting[], uuid, uuid, uuid)";

export const BUGS: Readonly<Record<string, Bug>> = {
  "no lock and no constraint": {
    database: run(
      "alter table app_public.calendar_claims drop constraint calendar_claims_nights_excl",
      `create or replace function app_hidden.tg_calendar_claims__guard() returns trigger
       language plpgsql as $$ begin return coalesce(NEW, OLD); end $$`,
    ),
  },
  "acknowledge before commit": {
    sources: [
      {
        file: "src/payments/stripeEvents.ts",
        from: "const { rows } = await resources.pool.query<{ stored: boolean }>(",
        to: "const rows = [{ stored: true }]; const later = resources.pool.query(",
      },
      {
        file: "src/payments/stripeEvents.ts",
        from: "const stored = rows[0]?.stored ?? false;",
        to: "const stored = true; later.catch(() => undefined);",
      },
    ],
  },
  "no dedupe": {
    database: all(
      edit(
        INTENT,
        "if v_payment.status not in ('requires_payment', 'requires_action', 'processing', 'authorised')",
        "if v_payment.status = 'cancelled'",
      ),
      edit(POST, "on conflict on constraint ledger_transactions_external_fact_key do nothing", ""),
      run(
        `alter table app_public.ledger_transactions
         drop constraint ledger_transactions_external_fact_key`,
      ),
    ),
  },
  "random Stripe key": {
    sources: [
      {
        file: "src/payments/intentOfPayment.ts",
        from: "idempotencyKey: `payment:",
        to: "idempotencyKey: Math.random() + `payment:",
      },
    ],
  },
  "float rounding": {
    database: edit(
      POST,
      "p.currency, p.amount\n",
      "p.currency, round((p.amount * 0.99997)::float8)::bigint\n",
    ),
  },
  "expiry without asking Stripe": {
    database: edit(
      "app_hidden.set_hold_end(app_public.bookings,app_public.payment_status)",
      "booking.hold_expires_at + interval '10 minutes'",
      "booking.hold_expires_at",
    ),
  },
  "confirm by read-then-write": {
    database: all(
      edit(INTENT, "perform app_hidden.lock_units(v_booking.listing_id);", ""),
      edit(INTENT, "v_booking := app_hidden.lock_booking(v_booking.id);", ""),
      edit(
        INTENT,
        "v_payment := app_hidden.lock_payment(v_payment.id);",
        "perform pg_sleep(0.5 + random());",
      ),
      // What would refuse the late write is away with the lock.
      run(
        `insert into app_hidden.booking_transitions (from_status, to_status, actor, deadline)
         select unnest, 'confirmed', 'system', 'none'
         from unnest('{cancelled,expired,declined}'::app_public.booking_status[])
         on conflict do nothing`,
        "drop trigger _900_claim_matches on app_public.bookings",
        "drop trigger _900_claim_matches on app_public.calendar_claims",
      ),
    ),
  },
  "ledger updated in place": {
    database: run(
      "drop trigger _100_immutable on app_public.ledger_entries",
      `create function app_hidden.bug() returns trigger
       language plpgsql security definer as $$
       begin
         update app_public.ledger_entries e set amount = e.amount + 1000
         where e.transaction_id = (
           select t.id from app_public.ledger_transactions t order by t.id limit 1
         );
         return null;
       end $$`,
      `create trigger _999_bug after insert on app_public.refunds
       for each row execute function app_hidden.bug()`,
    ),
  },
  "job outside the transaction": {
    database: all(
      edit("app_hidden.queue_capture(uuid)", "'payment__capture',", "'payment__sync',"),
      edit(
        "app_hidden.follow_unpaid(app_public.payments,app_public.bookings)",
        "perform app_hidden.queue_capture(payment.id);",
        "null;",
      ),
    ),
  },
  "foreign refund ignored": {
    database: edit(REFUND, "elsif v_new_status = 'failed' then", "else"),
  },
  "refund believed by metadata": {
    database: edit(
      REFUND,
      "\n      and r.amount = apply_refund.amount and r.currency = apply_refund.currency",
      "",
    ),
  },
  "one bad row stops a batch": {
    database: run(
      `create function app_hidden.bug() returns trigger language plpgsql as $$
       begin
         if NEW.id like '%a' then raise exception 'a bad row'; end if;
         return NEW;
       end $$`,
      `create trigger _999_bug before update of processed_at on app_private.stripe_events
       for each row execute function app_hidden.bug()`,
    ),
  },
};

/** @throws {Error} for a name that is not among them */
export function bugCalled(name: string): Bug {
  const bug = BUGS[name];
  if (bug === undefined) {
    throw new Error(`There is no bug "${name}". Known: ${Object.keys(BUGS).join(", ")}.`);
  }
  return bug;
}
