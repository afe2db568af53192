/*
 * Whether a REST request may run: with a lease, it may; with an answer, it ran; with neither,
 * somebody else runs it now. A lease of a process that died ends by itself.
 */
create or replace function app_private.begin_idempotent_request(
  user_id uuid, key text, operation text, request_hash bytea,
  out lease_id uuid, out answer bytea
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_lease constant interval := '30 seconds';
  v_taken app_private.idempotency_keys;
begin
  select (t.taken).* into v_taken
  from app_hidden.take_idempotency_key(
    begin_idempotent_request.user_id, begin_idempotent_request.key,
    begin_idempotent_request.operation, begin_idempotent_request.request_hash
  ) t;
  answer := v_taken.answer;
  if answer is not null or v_taken.leased_until > app_hidden.clock() then
    return;
  end if;
  lease_id := uuidv7();
  update app_private.idempotency_keys k
  set lease_id = begin_idempotent_request.lease_id, leased_until = app_hidden.clock() + c_lease
  where k.user_id = v_taken.user_id and k.key = v_taken.key;
end
$$;

grant execute on function app_private.begin_idempotent_request(uuid, text, text, bytea)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_idempotent_request(uuid, text, text, bytea) is
  'The lease of a request that may run, or the answer of one that ran.';
