/*
 * PostgreSQL also accepts abbreviations and POSIX strings as zones; those do not know when summer
 * time begins, so only names of the IANA database (Area/City, or UTC) pass. A digit outside
 * Etc/GMT.. is no name but such a string (Made/Up+5 would be five hours behind UTC).
 */
create or replace function app_hidden.is_time_zone(name text) returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if is_time_zone.name <> 'UTC'
    and is_time_zone.name !~ '^[A-Z][A-Za-z_-]+(/[A-Za-z_-]+)+$'
    and is_time_zone.name !~ '^Etc/GMT(0|[+](\d|1[0-2])|-(\d|1[0-4]))$'
  then
    return false;
  end if;
  perform timestamptz '2000-01-01 00:00:00Z' at time zone is_time_zone.name;
  return true;
exception
  when invalid_parameter_value then return false;
end
$$;

grant execute on function app_hidden.is_time_zone(text) to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.is_time_zone(text) is
  'Whether a name is a time zone of the IANA database.';
