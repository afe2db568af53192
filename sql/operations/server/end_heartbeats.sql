create or replace function app_private.end_heartbeats(worker_ids text[]) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.worker_heartbeats h where h.worker_id = any (end_heartbeats.worker_ids)
$$;

grant execute on function app_private.end_heartbeats(text[]) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_heartbeats(text[]) is
  'Signs off workers that stop in good order.';
