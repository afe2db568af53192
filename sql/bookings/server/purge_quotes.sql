/*
 * Forgets offers that nobody took, a week after they ended; what was booked, or proposed as a
 * change of a stay, is kept for ever with it. In portions, so that no run locks much: returns how
 * many there were. No index helps it: it runs once a night, and what is older than a week is mostly
 * sold.
 */
create or replace function app_private.purge_quotes() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged integer;
begin
  delete from app_public.quotes q
  where q.id = any (array(
    select old.id from app_public.quotes old
    where old.expires_at < app_hidden.clock() - interval '7 days'
      and not exists (select from app_public.bookings b where b.quote_id = old.id)
      and not exists (select from app_public.alterations a where a.quote_id = old.id)
    limit 1000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_quotes() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_quotes() is
  'Removes unsold quotes a week after they ended, 1,000 at most; says how many.';
