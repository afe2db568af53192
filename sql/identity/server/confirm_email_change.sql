/*
 * The link in the mail to the new address was opened: it is the person's from now on, and the old
 * address is told. Links to the old one stop working.
 */
create or replace function app_private.confirm_email_change(token_hash bytea) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens :=
    app_hidden.use_one_time_token(confirm_email_change.token_hash, 'change_email');
  v_old text;
begin
  select c.email into v_old from app_public.user_contacts c
  where c.user_id = v_token.user_id;
  update app_public.user_contacts c
  set email = v_token.email, email_verified_at = app_hidden.clock()
  where c.user_id = v_token.user_id;
  delete from app_private.one_time_tokens t
  where t.user_id = v_token.user_id or (t.purpose = 'reset_password' and t.email = v_old);
  perform app_hidden.tell_account(v_token.user_id, 'email_changed', v_old);
  return v_token.user_id;
exception
  -- Somebody else has taken the address since the mail.
  when unique_violation then
    raise exception 'This link is used or too old. Ask for a new one.' using errcode = 'SBI04';
end
$$;

grant execute on function app_private.confirm_email_change(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.confirm_email_change(bytea) is
  'Gives a person the address that the token proves; LINK_INVALID otherwise.';
