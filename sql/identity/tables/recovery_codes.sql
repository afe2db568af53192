-- Each lets a person in once who has lost what shows the codes of their second factor.
create table if not exists app_private.recovery_codes (
  user_id uuid not null
    constraint recovery_codes_user_id_fkey
      references app_private.second_factors on delete cascade,
  code_hash bytea not null,
  created_at timestamptz not null default app_hidden.clock(),

  constraint recovery_codes_pkey primary key (user_id, code_hash),
  constraint recovery_codes_hash_is_sha256 check (length(code_hash) = 32)
);

alter table app_private.recovery_codes enable row level security;
alter table app_private.recovery_codes force row level security;

comment on table app_private.recovery_codes is
  'Codes that work once instead of the second factor, as SHA-256.';

comment on constraint recovery_codes_hash_is_sha256 on app_private.recovery_codes is
  'INTERNAL: A code is hashed.';
