/*
 * Forgets events after ninety days, where every reader has read them. The last event stays, for the
 * next one is numbered after it. Returns how many there were; call it until that is 0.
 */
create or replace function app_private.purge_events() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged integer;
begin
  delete from app_private.events e
  where e.id = any (array(
    select old.id from app_private.events old
    where old.sequence <= (select min(r.last_sequence) from app_private.event_readers r)
      and old.sequence < (select max(l.sequence) from app_private.events l)
      and old.created_at < app_hidden.clock() - interval '90 days'
    order by old.sequence
    limit 10000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_events() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_events() is
  'Removes events of more than ninety days that all have read, 10,000 at most; says how many.';
