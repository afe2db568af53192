create or replace function app_public.block_nights(
  listing_id uuid,
  starts_on date,
  ends_before date,
  note text default '',
  unit_number integer default null
) returns setof app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
begin
  perform app_hidden.check_nights(block_nights.starts_on, block_nights.ends_before);
  v_listing := app_hidden.require_own_listing(block_nights.listing_id);
  if block_nights.unit_number not between 1 and v_listing.unit_count then
    raise exception 'The listing has units 1 to %.', v_listing.unit_count
      using errcode = 'SBG04', column = 'unit_number';
  end if;

  return query
  select c.*
  from generate_series(
    coalesce(block_nights.unit_number, 1),
    coalesce(block_nights.unit_number, v_listing.unit_count)
  ) n
  cross join lateral app_hidden.claim_nights(
    v_listing.id,
    daterange(block_nights.starts_on, block_nights.ends_before),
    'block',
    unit_number => n::smallint,
    note => coalesce(block_nights.note, '')
  ) c;
end
$$;

grant execute on function app_public.block_nights(uuid, date, date, text, integer)
  to :DATABASE_VISITOR;

comment on function app_public.block_nights(uuid, date, date, text, integer) is
  'Closes the nights from a day to before another, of one unit or of all; all or nothing.';
