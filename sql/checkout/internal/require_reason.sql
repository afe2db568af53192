/*
 * What an operator does about money has a reason, which people read.
 */
create or replace function app_hidden.require_reason(reason text) returns app_public.prose
language plpgsql immutable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.prose := btrim(coalesce(require_reason.reason, ''));
begin
  if length(v_reason) not between 1 and 1000 then
    raise exception 'Say why, in 1 to 1000 characters.'
      using errcode = 'SBG04', column = 'reason';
  end if;
  return v_reason;
end
$$;

comment on function app_hidden.require_reason(text) is
  'The reason without blanks around it; INVALID_INPUT where it is missing or too long.';
