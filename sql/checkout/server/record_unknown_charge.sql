/*
 * A charge that carries our metadata and that no payment of ours asked for. Where neither payment
 * nor booking is one of ours it is none of our business, and false comes back. The money is owed to
 * whoever paid it, and goes back by a job.
 */
create or replace function app_private.record_unknown_charge(
  intent_id text,
  charge_id text,
  amount bigint,
  currency text,
  payment_id uuid,
  booking_id uuid
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payment_id uuid := (
    select p.id from app_public.payments p where p.id = record_unknown_charge.payment_id
  );
  v_booking_id uuid := (
    select b.id from app_public.bookings b where b.id = record_unknown_charge.booking_id
  );
  v_id uuid;
begin
  if v_payment_id is null and v_booking_id is null then
    return false;
  end if;
  insert into app_public.unknown_charges (
    stripe_payment_intent_id, stripe_charge_id, payment_id, booking_id, currency, amount
  )
  values (
    record_unknown_charge.intent_id, record_unknown_charge.charge_id, v_payment_id, v_booking_id,
    record_unknown_charge.currency, record_unknown_charge.amount
  )
  on conflict on constraint unknown_charges_stripe_payment_intent_id_key do nothing
  returning id into v_id;
  if v_id is not null then
    perform app_hidden.post_ledger(
      'charge:' || record_unknown_charge.charge_id, 'unknown_charge', null,
      array[
        row('stripe_balance', null, record_unknown_charge.currency, record_unknown_charge.amount),
        row('guest_payable', null, record_unknown_charge.currency, -record_unknown_charge.amount)
      ]::app_hidden.ledger_posting[]
    );
    perform app_hidden.add_job(
      'refund__create_unknown', jsonb_build_object('unknownChargeId', v_id),
      'unknown_charge:' || v_id, max_attempts => 25
    );
  end if;
  return true;
end
$$;

grant execute on function app_private.record_unknown_charge(text, text, bigint, text, uuid, uuid)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.record_unknown_charge(text, text, bigint, text, uuid, uuid) is
  'Writes down a charge in our name that nobody asked for, and gives it back; false where it is '
  'not in our name.';
