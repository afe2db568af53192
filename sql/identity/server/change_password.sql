/*
 * The server has checked who asks. All other sessions end, and links that would set a password stop
 * working: what was stolen before is worth nothing any more.
 */
create or replace function app_private.change_password(
  user_id uuid, password_hash text, kept_session_id uuid
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
begin
  -- First of all, as use_one_time_token() does: so neither waits for the other.
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = change_password.user_id for update;
  insert into app_private.user_secrets (user_id, password_hash)
  values (change_password.user_id, change_password.password_hash)
  on conflict on constraint user_secrets_pkey
    do update set password_hash = excluded.password_hash;
  perform app_hidden.end_sessions(change_password.user_id, change_password.kept_session_id);
  delete from app_private.one_time_tokens t
  where t.user_id = change_password.user_id
    or (t.purpose = 'reset_password' and t.email = v_email);
  perform app_hidden.tell_account(change_password.user_id, 'password_changed', v_email);
end
$$;

grant execute on function app_private.change_password(uuid, text, uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.change_password(uuid, text, uuid) is
  'Sets a password, ends all sessions but the one that is kept, and tells the person.';
