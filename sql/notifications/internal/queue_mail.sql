create or replace function app_hidden.queue_mail(kind text, user_id uuid, booking_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mail_id uuid;
begin
  insert into app_private.mails (kind, user_id, booking_id)
  values (queue_mail.kind, queue_mail.user_id, queue_mail.booking_id)
  on conflict on constraint mails_occasion_key do nothing
  returning id into v_mail_id;
  if v_mail_id is not null then
    perform app_hidden.add_job(
      'send_mail', jsonb_build_object('mailId', v_mail_id), 'mail:' || v_mail_id
    );
  end if;
end
$$;

comment on function app_hidden.queue_mail(text, uuid, uuid) is
  'Owes a person a mail about a booking, once an occasion.';
