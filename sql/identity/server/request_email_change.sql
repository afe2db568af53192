/*
 * Notes the wish for another address and queues the mail that proves it. Nothing changes until the
 * link in it is opened, and nobody is told here whether the address belongs to somebody.
 */
create or replace function app_private.request_email_change(user_id uuid, email text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token_id uuid;
begin
  insert into app_private.one_time_tokens (purpose, email, user_id)
  values ('change_email', request_email_change.email, request_email_change.user_id)
  returning id into v_token_id;
  perform app_hidden.add_job('mail__send_link', jsonb_build_object('tokenId', v_token_id));
end
$$;

grant execute on function app_private.request_email_change(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.request_email_change(uuid, text) is
  'Starts a change of address, which the link in a mail to the new address completes.';
