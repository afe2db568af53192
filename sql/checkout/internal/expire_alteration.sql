create or replace function app_hidden.expire_alteration(alteration_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.alterations a
  set status = 'expired', status_actor = 'system', reason = 'The difference was not paid in time.'
  where a.id = expire_alteration.alteration_id;
  delete from app_public.calendar_claims c
  where c.alteration_id = expire_alteration.alteration_id;
end
$$;

comment on function app_hidden.expire_alteration(uuid) is
  'Ends a change that nobody paid in time, and frees what it held.';
