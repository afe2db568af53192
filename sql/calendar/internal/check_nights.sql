/*
 * check_stay() for functions whose inputs are starts_on and ends_before: the error names what the
 * client wrote.
 */
create or replace function app_hidden.check_nights(starts_on date, ends_before date) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not coalesce(
    isfinite(check_nights.starts_on) and isfinite(check_nights.ends_before)
    and check_nights.starts_on < check_nights.ends_before, false
  ) then
    raise exception 'Give the first night, and a later day before which it ends.'
      using errcode = 'SBC02', column = 'ends_before';
  end if;
  if check_nights.ends_before - check_nights.starts_on > 730 then
    raise exception 'At most 730 nights at once.' using errcode = 'SBC04', column = 'ends_before';
  end if;
end
$$;

comment on function app_hidden.check_nights(date, date) is
  'INVALID_STAY or STAY_TOO_LONG where a range of nights makes no sense.';
