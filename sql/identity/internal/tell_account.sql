create or replace function app_hidden.tell_account(user_id uuid, kind text, email text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_notice_id uuid;
begin
  insert into app_private.account_notices (user_id, kind, email)
  values (tell_account.user_id, tell_account.kind, tell_account.email)
  returning id into v_notice_id;
  perform app_hidden.add_job('mail__send_notice', jsonb_build_object('noticeId', v_notice_id));
end
$$;

comment on function app_hidden.tell_account(uuid, text, text) is
  'Queues the mail that tells a person what has changed about their account.';
