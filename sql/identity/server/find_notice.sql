create or replace function app_private.find_notice(
  notice_id uuid, out kind text, out email text, out display_name text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select n.kind, n.email, u.display_name
  from app_private.account_notices n
  join app_public.users u on u.id = n.user_id
  where n.id = find_notice.notice_id
$$;

grant execute on function app_private.find_notice(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_notice(uuid) is
  'What the mail of a notice says and where it goes; nulls where it is gone.';
