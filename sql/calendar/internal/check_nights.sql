/*
 * check_stay() for functions that take a range of nights: the error names the input that the client
 * wrote. Nothing is cut: a range that is too long is refused, for an answer to a part of it would
 * look like an answer to the whole.
 */
create or replace function app_hidden.check_nights(
  starts_on date, ends_before date, field text default 'ends_before',
  most_nights integer default 730
) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not coalesce(
    check_nights.starts_on >= date '0001-01-01' and check_nights.ends_before <= date '9999-12-31'
    and check_nights.starts_on < check_nights.ends_before, false
  ) then
    raise exception 'Give the first night, and a later day before which it ends.'
      using errcode = 'SBC02', column = check_nights.field;
  end if;
  if check_nights.ends_before - check_nights.starts_on > check_nights.most_nights then
    raise exception 'At most % nights at once.', check_nights.most_nights
      using errcode = 'SBC04', column = check_nights.field;
  end if;
end
$$;

comment on function app_hidden.check_nights(date, date, text, integer) is
  'INVALID_STAY or STAY_TOO_LONG where a range of nights makes no sense.';
