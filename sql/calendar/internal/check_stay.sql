/*
 * The shape of a stay, before anything is looked up: two dates of this calendar in order, at most
 * two years apart. Null is refused by the caller's signature or here alike.
 */
create or replace function app_hidden.check_stay(check_in date, check_out date, guests integer)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if check_stay.check_in is null or check_stay.check_out is null then
    raise exception 'Give both check-in and check-out.'
      using errcode = 'SBC02', column = 'check_in';
  end if;
  -- What is added to a date later, such as preparation days, stays within what a date can be.
  if check_stay.check_in < date '0001-01-01' or check_stay.check_out > date '9999-12-31' then
    raise exception 'Dates of a stay are in the years 1 to 9999.'
      using errcode = 'SBC02', column = 'check_out';
  end if;
  if check_stay.check_out <= check_stay.check_in then
    raise exception 'Check-out comes after check-in.' using errcode = 'SBC02', column = 'check_out';
  end if;
  if check_stay.check_out - check_stay.check_in > 730 then
    raise exception 'A stay has at most 730 nights.' using errcode = 'SBC04', column = 'check_out';
  end if;
  if check_stay.guests is null or check_stay.guests < 1 then
    raise exception 'At least one guest stays.' using errcode = 'SBC06', column = 'guests';
  end if;
end
$$;

comment on function app_hidden.check_stay(date, date, integer) is
  'INVALID_STAY, STAY_TOO_LONG or INVALID_GUESTS where a stay makes no sense.';
