/*
 * A person wants all that we know of them. The row is the wish; a job writes the document in parts
 * and draws the token of the link, which is in the mail and nowhere else: here is its hash. The
 * link works for a day, as often as it is needed: a download may break off.
 */
create table if not exists app_private.data_exports (
  id uuid not null default uuidv7() constraint data_exports_pkey primary key,
  user_id uuid not null
    constraint data_exports_user_id_fkey references app_public.users on delete cascade,
  token_hash bytea,
  created_at timestamptz not null default app_hidden.clock(),
  built_at timestamptz,
  expires_at timestamptz not null default app_hidden.clock() + interval '24 hours',

  constraint data_exports_token_hash_key unique (token_hash),
  constraint data_exports_hash_is_sha256 check (length(token_hash) = 32)
);

alter table app_private.data_exports enable row level security;
alter table app_private.data_exports force row level security;

create index if not exists data_exports_user_id_idx on app_private.data_exports (user_id);
-- purge_exports() walks what is past its time.
create index if not exists data_exports_expires_at_idx on app_private.data_exports (expires_at);

comment on table app_private.data_exports is 'Who has asked for their data.';
comment on column app_private.data_exports.id is 'What the job is told.';
comment on column app_private.data_exports.user_id is 'Whose data.';
comment on column app_private.data_exports.token_hash is 'SHA-256 of what the link has.';
comment on column app_private.data_exports.created_at is 'When they asked.';
comment on column app_private.data_exports.built_at is
  'When the document was written; null until then.';
comment on column app_private.data_exports.expires_at is 'Until when it can be downloaded.';

comment on constraint data_exports_token_hash_key on app_private.data_exports is
  'INTERNAL: A token is of one link.';
comment on constraint data_exports_hash_is_sha256 on app_private.data_exports is
  'INTERNAL: A token is hashed.';
