/*
 * What a person was about to do and what others were told for them. What Stripe said of their
 * payments has been acted on; that it came is remembered, so that it is not acted on again.
 */
create or replace function app_hidden.erase_guest(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_public.quotes q
  where q.guest_id = erase_guest.user_id
    and not exists (select from app_public.bookings b where b.quote_id = q.id)
    and not exists (select from app_public.alterations a where a.quote_id = q.id);
  update app_public.bookings b set idempotency_key = b.id::text
  where b.guest_id = erase_guest.user_id and b.idempotency_key <> b.id::text;
  delete from app_private.mails m where m.user_id = erase_guest.user_id;

  update app_private.stripe_events e set payload = '{}'
  where e.processed_at is not null and e.payload <> '{}' and e.object_id = any (array(
    select c.stripe_customer_id from app_private.stripe_customers c
    where c.user_id = erase_guest.user_id
    union all
    select unnest(array[
      p.stripe_payment_intent_id, p.stripe_charge_id, r.stripe_refund_id,
      u.stripe_payment_intent_id, u.stripe_charge_id, u.stripe_refund_id
    ])
    from app_public.bookings b
    left join app_public.payments p on p.booking_id = b.id
    left join app_public.refunds r on r.payment_id = p.id
    left join app_public.unknown_charges u on u.booking_id = b.id
    where b.guest_id = erase_guest.user_id
  ));
end
$$;

comment on function app_hidden.erase_guest(uuid) is
  'Erases offers that a person did not take, and what was told about their stays and payments.';
