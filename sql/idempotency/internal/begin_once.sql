/*
 * What a mutation with an idempotency key calls first, after it knows who asks and before it takes
 * any other lock. A call with the same key waits for the first, and is then told that it ran:
 *
 *   v_once := app_hidden.begin_once(key, 'accept_booking', jsonb_build_object('id', booking_id));
 *   if v_once.ran_before then return the row v_once.result_id; end if;
 *   ...
 *   perform app_hidden.end_once(key, v_booking.id);
 *
 * The row is of the mutation's transaction: a mutation that was refused leaves the key free.
 */
create or replace function app_hidden.begin_once(
  idempotency_key text, operation text, request jsonb,
  out ran_before boolean, out result_id uuid
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key record;
begin
  select t.is_new, (t.taken).result_id into strict v_key
  from app_hidden.take_idempotency_key(
    app_hidden.require_user_id(), begin_once.idempotency_key, begin_once.operation,
    sha256(convert_to(begin_once.request::text, 'UTF8'))
  ) t;
  ran_before := not v_key.is_new;
  result_id := v_key.result_id;
end
$$;

comment on function app_hidden.begin_once(text, text, jsonb) is
  'Says whether a mutation ran before under this key, and which row it made.';
