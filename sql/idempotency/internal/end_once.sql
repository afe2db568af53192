create or replace function app_hidden.end_once(idempotency_key text, result_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_private.idempotency_keys k set result_id = end_once.result_id
  where k.user_id = app_hidden.require_user_id() and k.key = end_once.idempotency_key;
end
$$;

comment on function app_hidden.end_once(text, uuid) is
  'Notes the row that a mutation made, for whoever repeats it with the same key.';
