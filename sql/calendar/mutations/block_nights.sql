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
  v_user_id uuid := app_hidden.require_user_id();
  v_listing app_public.listings;
begin
  perform app_hidden.check_nights(block_nights.starts_on, block_nights.ends_before);
  perform app_hidden.lock_guest(v_user_id);
  v_listing := app_hidden.require_own_listing(block_nights.listing_id);
  if block_nights.unit_number not between 1 and v_listing.unit_count then
    raise exception 'The listing has units 1 to %.', v_listing.unit_count
      using errcode = 'SBG04', column = 'unit_number';
  end if;

  -- Blocks that are over count no more; a day more than needed, for the time zones.
  perform app_hidden.require_quota(
    v_user_id, 'blocks',
    case when block_nights.unit_number is null then v_listing.unit_count else 1 end + (
      select count(*) from app_public.listings l
      join app_public.calendar_claims c on c.listing_id = l.id and c.kind = 'block'
      where l.host_id = v_user_id and upper(c.nights) >= app_hidden.clock()::date
    )
  );

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
