/*
 * Which of our people stands for whom of a source, so that importing again finds them. Imported
 * hosts have no contacts and cannot sign in; nothing is invented for them.
 */
create table if not exists app_private.imported_hosts (
  source text not null,
  external_id text not null,
  user_id uuid not null
    constraint imported_hosts_user_id_fkey references app_public.users on delete cascade,
  -- The snapshot, and the listing in it, that tells who they are.
  scraped_on date not null default '-infinity',
  told_by text not null default '',

  constraint imported_hosts_pkey primary key (source, external_id)
);

alter table app_private.imported_hosts enable row level security;
alter table app_private.imported_hosts force row level security;

create index if not exists imported_hosts_user_id_idx on app_private.imported_hosts (user_id);

comment on table app_private.imported_hosts is 'Hosts that came with an import.';
