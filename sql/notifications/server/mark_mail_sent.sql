create or replace function app_private.mark_mail_sent(mail_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.mails m set sent_at = coalesce(m.sent_at, app_hidden.clock())
  where m.id = mark_mail_sent.mail_id
$$;

grant execute on function app_private.mark_mail_sent(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mark_mail_sent(uuid) is
  'Notes that a mail is out; it is not sent again.';
