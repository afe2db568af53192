-- In portions, so that no run locks much. A key that somebody uses right now is left.
create or replace function app_private.purge_idempotency_keys() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged integer;
begin
  delete from app_private.idempotency_keys k
  where (k.user_id, k.key) in (
    select old.user_id, old.key from app_private.idempotency_keys old
    where old.created_at <= app_hidden.clock() - interval '24 hours'
    order by old.created_at
    limit 1000
    for update skip locked
  );
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_idempotency_keys() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_idempotency_keys() is
  'Removes idempotency keys that are a day old, 1,000 at most; says how many.';
