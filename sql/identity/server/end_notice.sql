create or replace function app_private.end_notice(notice_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.account_notices n where n.id = end_notice.notice_id
$$;

grant execute on function app_private.end_notice(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_notice(uuid) is
  'Forgets a notice, with its address, when its mail was handed over or refused for good.';
