/*
 * The link was opened: the password is new, and whoever was signed in is so no longer, for the
 * person may have asked because somebody else is. The link proves the mailbox as well.
 */
create or replace function app_private.reset_password(token_hash bytea, password_hash text)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens :=
    app_hidden.use_one_time_token(reset_password.token_hash, 'reset_password');
  v_user_id uuid;
begin
  update app_public.user_contacts c
  set email_verified_at = coalesce(c.email_verified_at, app_hidden.clock())
  where c.email = v_token.email
  returning c.user_id into v_user_id;
  -- The address has become another's, or nobody's, since the mail.
  if v_user_id is null then
    raise exception 'This link is used or too old. Ask for a new one.' using errcode = 'SBI04';
  end if;
  perform app_private.change_password(v_user_id, reset_password.password_hash, null);
  return v_user_id;
end
$$;

grant execute on function app_private.reset_password(bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.reset_password(bytea, text) is
  'Gives the person whose mailbox the token proves a new password; LINK_INVALID otherwise.';
