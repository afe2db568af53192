create table if not exists app_private.refresh_tokens (
  token_hash bytea not null constraint refresh_tokens_pkey primary key,
  session_id uuid not null
    constraint refresh_tokens_session_id_fkey references app_private.sessions on delete cascade,
  created_at timestamptz not null default app_hidden.clock(),
  used_at timestamptz,

  constraint refresh_tokens_hash_is_sha256 check (length(token_hash) = 32)
);

alter table app_private.refresh_tokens enable row level security;
alter table app_private.refresh_tokens force row level security;

create index if not exists refresh_tokens_session_id_idx on app_private.refresh_tokens (session_id);

comment on table app_private.refresh_tokens is
  'Refresh tokens, as SHA-256; the tokens themselves are with the clients.';
