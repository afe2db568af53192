/*
 * Writes the row of a key, or locks the one that is there; whoever comes second waits for the
 * commit of the first. A key that is a day old is free again, purged or not.
 */
create or replace function app_hidden.take_idempotency_key(
  user_id uuid, key text, operation text, request_hash bytea,
  out is_new boolean, out taken app_private.idempotency_keys
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row record;
begin
  if length(coalesce(take_idempotency_key.key, '')) not between 8 and 200 then
    raise exception 'Choose an idempotency key of 8 to 200 characters, such as a random UUID.'
      using errcode = 'SBB02', column = 'idempotency_key';
  end if;
  delete from app_private.idempotency_keys k
  where k.user_id = take_idempotency_key.user_id and k.key = take_idempotency_key.key
    and k.created_at <= app_hidden.clock() - interval '24 hours';
  -- The update changes nothing: it locks the row, and makes it one that is returned.
  insert into app_private.idempotency_keys as k (user_id, key, operation, request_hash)
  values (
    take_idempotency_key.user_id, take_idempotency_key.key, take_idempotency_key.operation,
    take_idempotency_key.request_hash
  )
  on conflict on constraint idempotency_keys_pkey do update set operation = k.operation
  returning old.key is null as is_new, new as taken into v_row;
  is_new := v_row.is_new;
  taken := v_row.taken;
  if taken.operation <> take_idempotency_key.operation
    or taken.request_hash <> take_idempotency_key.request_hash
  then
    raise exception 'This idempotency key was used for something else; choose a new one.'
      using errcode = 'SBB03', column = 'idempotency_key';
  end if;
end
$$;

comment on function app_hidden.take_idempotency_key(uuid, text, text, bytea) is
  'Locks the row of a key, and says whether it is new; IDEMPOTENCY_KEY_REUSED for another request.';
