--! Previous: sha1:a1830fb4348ccde4ca16be75a499ab0620c97f50
--! Hash: sha1:51f83da5f272553d73b79dc6849ca9c02cc9883c
--! Message: keep the answers of requests with a key

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     idempotency/tables/idempotency_keys.sql
--   new     idempotency/policies/idempotency_keys.sql
--   new     idempotency/internal/take_idempotency_key.sql
--   new     idempotency/internal/begin_once.sql
--   new     idempotency/internal/end_once.sql
--   new     idempotency/server/begin_idempotent_request.sql
--   new     idempotency/server/end_idempotent_request.sql
--   new     idempotency/server/purge_idempotency_keys.sql
-- (npm run db:commit wrote these lines.)

--! Included idempotency/tables/idempotency_keys.sql
/*
 * What somebody has asked for under a key, so that a repeated request has one effect and one
 * answer. A row of a REST request begins with a lease: its process may die, and another may then
 * run the request again. A row of a mutation is written in the transaction of the mutation.
 */
create table if not exists app_private.idempotency_keys (
  user_id uuid not null
    constraint idempotency_keys_user_id_fkey references app_public.users on delete cascade,
  key text not null,
  operation text not null,
  request_hash bytea not null,
  -- Of a mutation: the row that it made.
  result_id uuid,
  -- Of a REST request that runs: who runs it, and until when nobody else may.
  lease_id uuid,
  leased_until timestamptz,
  -- Of a REST request that ran: status, media type and body, encrypted by the server, for the
  -- answer may hold a secret.
  answer bytea,
  created_at timestamptz not null default app_hidden.clock(),

  constraint idempotency_keys_pkey primary key (user_id, key),
  constraint idempotency_keys_hash_is_sha256 check (length(request_hash) = 32),
  constraint idempotency_keys_lease_has_an_end check ((lease_id is null) = (leased_until is null))
);

alter table app_private.idempotency_keys enable row level security;
alter table app_private.idempotency_keys force row level security;

-- For purge_idempotency_keys().
create index if not exists idempotency_keys_created_at_idx
  on app_private.idempotency_keys (created_at);

comment on table app_private.idempotency_keys is
  'Requests that carried an idempotency key, for 24 hours.';
--! EndIncluded idempotency/tables/idempotency_keys.sql
--! Included idempotency/policies/idempotency_keys.sql
select app_hidden.drop_policies('app_private.idempotency_keys');
--! EndIncluded idempotency/policies/idempotency_keys.sql
--! Included idempotency/internal/take_idempotency_key.sql
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
--! EndIncluded idempotency/internal/take_idempotency_key.sql
--! Included idempotency/internal/begin_once.sql
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
--! EndIncluded idempotency/internal/begin_once.sql
--! Included idempotency/internal/end_once.sql
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
--! EndIncluded idempotency/internal/end_once.sql
--! Included idempotency/server/begin_idempotent_request.sql
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
--! EndIncluded idempotency/server/begin_idempotent_request.sql
--! Included idempotency/server/end_idempotent_request.sql
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
--! EndIncluded idempotency/server/end_idempotent_request.sql
--! Included idempotency/server/purge_idempotency_keys.sql
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
--! EndIncluded idempotency/server/purge_idempotency_keys.sql
