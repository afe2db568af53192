create or replace function app_hidden.check_search(
  west double precision, south double precision, east double precision, north double precision,
  check_in date, check_out date, guests integer,
  currency text, min_amount bigint, max_amount bigint, page_size integer, after text
) returns void
language plpgsql stable
as $$
begin
  -- NaN compares as larger than any number, so these bounds keep it out too.
  if not coalesce(
    west between -180 and 180 and east between -180 and 180
    and south between -90 and 90 and north between -90 and 90 and south <= north, false
  ) then
    raise exception
      'A box needs west and east from -180 to 180, and south up to north from -90 to 90.'
      using errcode = 'SBS01', column = 'west';
  end if;
  if check_search.check_in is not null or check_search.check_out is not null then
    perform app_hidden.check_stay(
      check_search.check_in, check_search.check_out, check_search.guests
    );
    -- Somewhere on Earth it is still yesterday; each listing's own date is compared in its zone.
    if check_search.check_in < app_hidden.local_today('Etc/GMT+12') then
      raise exception 'Check-in is in the past.' using errcode = 'SBC03', column = 'check_in';
    end if;
  elsif coalesce(check_search.guests, 0) < 1 then
    raise exception 'At least one guest stays.' using errcode = 'SBC06', column = 'guests';
  end if;
  if coalesce(check_search.min_amount, check_search.max_amount) is not null
    and check_search.currency is null
  then
    raise exception 'To search by price, say in which currency.'
      using errcode = 'SBS04', column = 'currency';
  end if;
  if check_search.currency is not null and not exists (
    select from app_public.currencies c where c.code = check_search.currency
  ) then
    raise exception 'Unknown currency: use one of the query currencies, such as EUR.'
      using errcode = 'SBP05', column = 'currency';
  end if;
  if check_search.min_amount < 0
    or check_search.max_amount < coalesce(check_search.min_amount, 0)
  then
    raise exception 'Prices are not negative, and the least is at most the greatest.'
      using errcode = 'SBS04', column = 'max_amount';
  end if;
  if check_search.page_size is null or check_search.page_size not between 1 and 100 then
    raise exception 'A page has 1 to 100 results.' using errcode = 'SBG06', column = 'page_size';
  end if;
  if check_search.after is not null
    and check_search.after !~ '^[0-9]{1,9}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  then
    raise exception 'Give as after the cursor of a result.'
      using errcode = 'SBS02', column = 'after';
  end if;
end
$$;

comment on function app_hidden.check_search(
  double precision, double precision, double precision, double precision, date, date, integer,
  text, bigint, bigint, integer, text
) is 'Refuses a search that makes no sense, with a code that says why.';
