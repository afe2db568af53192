/** Bugs that are planted into the database of a run, to see that the checker catches them. */
import type { Stage } from "./stage.ts";

/** By name: what is done to the schema, as its owner would. */
export const BUGS: Readonly<Record<string, readonly string[]>> = {
  "no lock and no constraint": [
    "alter table app_public.calendar_claims drop constraint calendar_claims_nights_excl",
    `create or replace function app_hidden.tg_calendar_claims__guard() returns trigger
     language plpgsql as $$ begin return coalesce(NEW, OLD); end $$`,
  ],
  "ledger updated in place": [
    "drop trigger _100_immutable on app_public.ledger_entries",
    "drop trigger _900_balanced on app_public.ledger_entries",
    `create or replace function app_hidden.bug() returns trigger language plpgsql as $$
     begin
       update app_public.ledger_entries set amount = amount + 1
       where id = (select id from app_public.ledger_entries order by id limit 1);
       return null;
     end $$`,
    `create trigger _999_bug after insert on app_public.refunds
     for each row execute function app_hidden.bug()`,
  ],
  "foreign refund ignored": [
    `create or replace function app_hidden.take_in_refund(
       payment app_public.payments, stripe_refund_id text, amount bigint
     ) returns app_public.refunds language sql as $$ select null::app_public.refunds $$`,
  ],
  "refund believed by metadata": [
    `create or replace function app_private.refuse_refund(refund_id uuid, failure_code text)
     returns void language sql as $$
       update app_public.refunds set status = 'succeeded' where id = refund_id
     $$`,
    `create or replace function app_private.refund_for_job(
       refund_id uuid, out status app_public.refund_status, out amount bigint,
       out stripe_payment_intent_id text, out stripe_refund_id text
     ) language sql stable security definer as $$
       select r.status, r.amount * 1000, p.stripe_payment_intent_id, r.stripe_refund_id
       from app_public.refunds r join app_public.payments p on p.id = r.payment_id
       where r.id = refund_for_job.refund_id
     $$`,
  ],
  "job outside the transaction": [
    `create or replace function app_hidden.queue_capture(payment_id uuid) returns void
     language sql as $$ select null::void $$`,
    `create or replace function app_private.requeue_stale_stripe() returns integer
     language sql as $$ select 0 $$`,
  ],
  "no dedupe": [
    "alter table app_public.ledger_transactions drop constraint ledger_transactions_external_fact_key",
    `create or replace function app_hidden.tg_bug() returns trigger language plpgsql as $$
     begin
       insert into app_public.ledger_transactions (external_fact, kind, booking_id)
       values (NEW.external_fact, 'goodwill', NEW.booking_id);
       return null;
     end $$`,
    "drop trigger _900_balanced on app_public.ledger_transactions",
    `create trigger _999_bug after insert on app_public.ledger_transactions
     for each row when (NEW.kind = 'charge') execute function app_hidden.tg_bug()`,
  ],
  "float rounding": [
    `create or replace function app_hidden.tg_bug() returns trigger language plpgsql as $$
     begin
       NEW.amount := round((NEW.amount::float8 * 1.0001)::numeric);
       return NEW;
     end $$`,
    "drop trigger _900_balanced on app_public.ledger_entries",
    "drop trigger _900_balanced on app_public.ledger_transactions",
    `create trigger _050_bug before insert on app_public.ledger_entries
     for each row execute function app_hidden.tg_bug()`,
  ],
  "one bad row stops a batch": [
    `create or replace function app_private.mark_stripe_event_processed(event_id text)
     returns void language plpgsql security definer as $$
     begin
       if event_id like '%7' then raise exception 'a bad row'; end if;
       update app_private.stripe_events set processed_at = now() where id = event_id;
     end $$`,
  ],
};

export async function plant({ root }: Stage, name: string): Promise<void> {
  const statements = BUGS[name];
  if (statements === undefined) {
    throw new Error(`There is no bug "${name}". Known: ${Object.keys(BUGS).join(", ")}.`);
  }
  for (const statement of statements) await root.query(statement);
}
