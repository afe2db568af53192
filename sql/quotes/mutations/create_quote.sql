create or replace function app_public.create_quote(
  listing_id uuid, check_in date, check_out date, guests integer,
  children integer default 0, infants integer default 0, pets integer default 0
) returns app_public.quotes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_price app_public.stay_price;
  v_quote app_public.quotes;
begin
  -- Quotes of one guest are made one after the other: so their limit is exact.
  perform app_hidden.lock_guest(v_user_id);
  perform app_hidden.require_quota(v_user_id, 'quotes', 1 + (
    select count(*) from app_public.quotes q
    where q.guest_id = v_user_id and q.expires_at > app_hidden.clock()
  ));
  v_price := app_public.quote(
    create_quote.listing_id, create_quote.check_in, create_quote.check_out, create_quote.guests,
    create_quote.children, create_quote.infants, create_quote.pets
  );

  insert into app_public.quotes (
    listing_id, guest_id, check_in, check_out, guests, children, infants, pets,
    currency, total_amount, host_amount, platform_amount, cancellation_policy
  )
  values (
    v_price.listing_id, v_user_id, v_price.check_in, v_price.check_out, v_price.guests,
    create_quote.children, create_quote.infants, create_quote.pets,
    v_price.currency, v_price.total_amount, v_price.host_amount,
    v_price.total_amount - v_price.host_amount,
    (select l.cancellation_policy from app_public.listings l where l.id = v_price.listing_id)
  )
  returning * into v_quote;

  insert into app_public.quote_line_items (
    quote_id, position, code, rule, currency, unit_amount, quantity, amount, payer, payee
  )
  select v_quote.id, i.position, i.code, i.rule, i.currency, i.unit_amount, i.quantity, i.amount,
    i.payer, i.payee
  from unnest(v_price.line_items) with ordinality
    i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position);
  return v_quote;
end
$$;

grant execute on function app_public.create_quote(
  uuid, date, date, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.create_quote(
  uuid, date, date, integer, integer, integer, integer
) is 'Prices a stay and keeps the offer for 30 minutes, to be booked as it stands.';
