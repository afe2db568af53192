create or replace function app_hidden.alteration_of(payment app_public.payments)
returns app_public.alterations
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.* from app_public.alterations a
  where payment.purpose = 'alteration' and a.booking_id = payment.booking_id
    and a.sequence = payment.sequence
$$;

comment on function app_hidden.alteration_of(app_public.payments) is
  'The change that a payment is for; a null row where it is for something else.';
