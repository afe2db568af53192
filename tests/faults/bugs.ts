/** Bugs that are planted into the database of a run, to see that the checker catches them. */
import type pg from "pg";
import type { Stage } from "./stage.ts";

type Bug = (database: pg.Pool) => Promise<void>;

const run =
  (...statements: readonly string[]): Bug =>
  async (database) => {
    for (const statement of statements) await database.query(statement);
  };

/** Changes one place of a function; throws where the place is not there any more. */
const edit =
  (signature: string, from: string, to: string): Bug =>
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
  (...bugs: readonly Bug[]): Bug =>
  async (database) => {
    for (const bug of bugs) await bug(database);
  };

const POST =
  "app_hidden.post_ledger(text, text, uuid, app_hidden.ledger_posting[], uuid, uuid, uuid)";

export const BUGS: Readonly<Record<string, Bug>> = {
  "no lock and no constraint": run(
    "alter table app_public.calendar_claims drop constraint calendar_claims_nights_excl",
    `create or replace function app_hidden.tg_calendar_claims__guard() returns trigger
     language plpgsql as $$ begin return coalesce(NEW, OLD); end $$`,
  ),
  "no dedupe": all(
    edit(
      "app_private.apply_payment_intent(text,uuid,text,bigint,text,text,bigint,text,timestamptz)",
      "if v_payment.status not in ('requires_payment', 'requires_action', 'processing', 'authorised')",
      "if v_payment.status = 'cancelled'",
    ),
    edit(POST, "on conflict on constraint ledger_transactions_external_fact_key do nothing", ""),
    run(
      `alter table app_public.ledger_transactions
       drop constraint ledger_transactions_external_fact_key`,
    ),
  ),
  "ledger updated in place": run(
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
  "float rounding": edit(
    POST,
    "p.currency, p.amount\n",
    "p.currency, round((p.amount * 0.99997)::float8)::bigint\n",
  ),
  "foreign refund ignored": edit(
    "app_private.apply_refund(uuid,text,text,text,bigint,text,text)",
    "elsif v_new_status = 'failed' then",
    "else",
  ),
  "job outside the transaction": all(
    edit("app_hidden.queue_capture(uuid)", "'payment__capture',", "'payment__sync',"),
    edit(
      "app_hidden.follow_unpaid(app_public.payments,app_public.bookings)",
      "perform app_hidden.queue_capture(payment.id);",
      "null;",
    ),
  ),
  "one bad row stops a batch": run(
    `create function app_hidden.bug() returns trigger language plpgsql as $$
     begin
       if NEW.id like '%a' then raise exception 'a bad row'; end if;
       return NEW;
     end $$`,
    `create trigger _999_bug before update of processed_at on app_private.stripe_events
     for each row execute function app_hidden.bug()`,
  ),
};

export async function plant({ root }: Stage, name: string): Promise<void> {
  const bug = BUGS[name];
  if (bug === undefined) {
    throw new Error(`There is no bug "${name}". Known: ${Object.keys(BUGS).join(", ")}.`);
  }
  await bug(root);
}
