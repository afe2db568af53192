create or replace function app_public.quote(
  listing_id uuid, check_in date, check_out date, guests integer,
  children integer default 0, infants integer default 0, pets integer default 0
) returns app_public.stay_price
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_price app_public.stay_price;
begin
  perform app_hidden.require_bookable(
    quote.listing_id, quote.check_in, quote.check_out, quote.guests, quote.children,
    quote.infants, quote.pets
  );
  select
    quote.listing_id, quote.check_in, quote.check_out, quote.guests,
    quote.check_out - quote.check_in,
    min(l.currency),
    sum(l.amount) filter (where l.payer = 'guest'),
    sum(case when l.payee = 'host' then l.amount when l.payer = 'host' then -l.amount else 0 end),
    array_agg(l)
  into v_price
  from app_hidden.stay_line_items(
    quote.listing_id, quote.check_in, quote.check_out, quote.guests, quote.pets
  ) l;
  return v_price;
end
$$;

grant execute on function app_public.quote(
  uuid, date, date, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.quote(
  uuid, date, date, integer, integer, integer, integer
) is 'What a stay costs now, with line items that sum to the total. It is not an offer; to book, '
  'create a quote.';
