/*
 * The link in the mail was opened, and the server has checked the password against that of the
 * registration (find_registration): the person comes to be. A second use of the link, and a second
 * registration of the same address, end as REGISTRATION_INVALID; whoever holds the link owns the
 * mailbox, so being told costs nothing.
 */
create or replace function app_private.confirm_registration(token_hash bytea) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registration app_private.registrations;
  v_user_id uuid;
begin
  delete from app_private.registrations r
  where r.token_hash = confirm_registration.token_hash
  returning * into v_registration;

  if v_registration.id is null or v_registration.expires_at <= app_hidden.clock() then
    raise exception 'This link is used or too old. Log in, or register again.'
      using errcode = 'SBI03';
  end if;

  insert into app_public.users (display_name) values (v_registration.display_name)
  returning id into v_user_id;
  insert into app_public.user_contacts (user_id, email, email_verified_at)
  values (v_user_id, v_registration.email, app_hidden.clock());
  insert into app_private.user_secrets (user_id, password_hash)
  values (v_user_id, v_registration.password_hash);
  return v_user_id;
exception
  when unique_violation then
    raise exception 'This link is used or too old. Log in, or register again.'
      using errcode = 'SBI03';
end
$$;

grant execute on function app_private.confirm_registration(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.confirm_registration(bytea) is
  'Creates the person whose address the token proves; REGISTRATION_INVALID otherwise.';
