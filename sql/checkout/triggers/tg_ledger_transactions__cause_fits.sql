/*
 * A transaction of the ledger is of a payment or a refund of its own booking, whoever wrote it. The
 * ledger stands above payments and does not know them: so their keys are here, too.
 */
create or replace function app_hidden.tg_ledger_transactions__cause_fits() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_public.payments p
    where p.id = NEW.payment_id and p.booking_id is distinct from NEW.booking_id
  ) or exists (
    select from app_public.refunds r
    join app_public.payments p on p.id = r.payment_id
    where r.id = NEW.refund_id and p.booking_id is distinct from NEW.booking_id
  ) then
    raise exception 'A ledger transaction is of a payment of its own booking.'
      using errcode = 'SBM02';
  end if;
  return NEW;
end
$$;

create or replace trigger _200_cause_fits
  before insert on app_public.ledger_transactions
  for each row execute function app_hidden.tg_ledger_transactions__cause_fits();

do $$
begin
  alter table app_public.ledger_transactions
    add constraint ledger_transactions_payment_id_fkey foreign key (payment_id)
      references app_public.payments (id) on delete restrict,
    add constraint ledger_transactions_refund_id_fkey foreign key (refund_id)
      references app_public.refunds (id) on delete restrict;
exception
  when duplicate_object then null;
end
$$;

comment on function app_hidden.tg_ledger_transactions__cause_fits() is
  'Refuses ledger transactions of another booking''s payment or refund.';
