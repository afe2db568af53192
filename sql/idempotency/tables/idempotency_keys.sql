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
