/*
 * Keeps the answer of a request, or frees its key where there is none to keep. Whoever has lost the
 * lease changes nothing: another runs the request now.
 */
create or replace function app_private.end_idempotent_request(
  user_id uuid, key text, lease_id uuid, answer bytea
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if end_idempotent_request.answer is null then
    delete from app_private.idempotency_keys k
    where k.user_id = end_idempotent_request.user_id and k.key = end_idempotent_request.key
      and k.lease_id = end_idempotent_request.lease_id;
    return;
  end if;
  update app_private.idempotency_keys k
  set answer = end_idempotent_request.answer, lease_id = null, leased_until = null
  where k.user_id = end_idempotent_request.user_id and k.key = end_idempotent_request.key
    and k.lease_id = end_idempotent_request.lease_id;
end
$$;

grant execute on function app_private.end_idempotent_request(uuid, text, uuid, bytea)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_idempotent_request(uuid, text, uuid, bytea) is
  'Keeps the answer of a request, or frees its key.';
