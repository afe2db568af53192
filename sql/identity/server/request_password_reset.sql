/*
 * Notes the wish for a new password and queues the mail. It does the same whether the address is
 * known or not; the mail job finds out (set_one_time_token), and mails nothing to who has no
 * account.
 */
create or replace function app_private.request_password_reset(email text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token_id uuid;
begin
  insert into app_private.one_time_tokens (purpose, email)
  values ('reset_password', request_password_reset.email)
  returning id into v_token_id;
  perform app_hidden.add_job('mail__send_link', jsonb_build_object('tokenId', v_token_id));
end
$$;

grant execute on function app_private.request_password_reset(text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.request_password_reset(text) is
  'Starts a reset of a password; the answer never tells whether the address has an account.';
