/*
 * Nobody is given back more than was taken of them: the refunds of a payment that have not failed
 * are at most what was captured, in the payment's currency. Checked at commit, whoever wrote. The
 * payment is locked, so that of two refunds at once the second sees the first.
 */
create or replace function app_hidden.tg_refunds__within_capture() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payment app_public.payments := app_hidden.lock_payment(NEW.payment_id);
begin
  if NEW.currency <> v_payment.currency or v_payment.captured_amount < (
    select coalesce(sum(r.amount), 0) from app_public.refunds r
    where r.payment_id = v_payment.id and r.status <> 'failed'
  ) then
    raise exception 'At most the % % of this payment can be given back, and in that currency.',
      v_payment.captured_amount, v_payment.currency
      using errcode = 'SBM04', column = 'amount';
  end if;
  return null;
end
$$;

drop trigger if exists _900_within_capture on app_public.refunds;
create constraint trigger _900_within_capture
  after insert or update on app_public.refunds
  deferrable initially deferred
  for each row execute function app_hidden.tg_refunds__within_capture();

comment on function app_hidden.tg_refunds__within_capture() is
  'Refuses to commit refunds above what a payment has taken.';
