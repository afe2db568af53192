/*
 * Forgets who was told what, after ninety days, as the events are forgotten that it came from: what
 * is younger may be read again, and nobody told twice. No index helps it: it runs once a night.
 */
create or replace function app_private.purge_mails() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged integer;
begin
  delete from app_private.mails m
  where m.id = any (array(
    select old.id from app_private.mails old
    where old.created_at < app_hidden.clock() - interval '90 days' and old.event_id is null
    limit 10000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_mails() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_mails() is
  'Removes mails of more than ninety days whose events are forgotten; says how many.';
