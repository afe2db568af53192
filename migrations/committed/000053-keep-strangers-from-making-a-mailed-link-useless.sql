--! Previous: sha1:cbfee6280e84084447d91467ea27a4a0b594bb7c
--! Hash: sha1:0fbce100d351de5fecd25376d5eded4c2d0dc8d7
--! Message: keep strangers from making a mailed link useless

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +9 -0   identity/internal/use_one_time_token.sql
--   +3 -5   identity/server/set_one_time_token.sql
--   +3 -2   identity/server/change_password.sql
--   +1 -1   identity/server/confirm_email_change.sql
-- (npm run db:commit wrote these lines.)

--! Included identity/internal/use_one_time_token.sql
/*
 * Whoever changes how a person signs in locks their contacts first: two links that are opened at
 * once, or a link and a change of the password, follow one another.
 */
create or replace function app_hidden.use_one_time_token(
  token_hash bytea, purpose text
) returns app_private.one_time_tokens
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens;
begin
  perform from app_public.user_contacts c
  join app_private.one_time_tokens t on c.user_id = t.user_id
    or (t.user_id is null and c.email = t.email)
  where t.token_hash = use_one_time_token.token_hash
  for update of c;
  delete from app_private.one_time_tokens t
  where t.token_hash = use_one_time_token.token_hash
    and t.purpose = use_one_time_token.purpose::app_private.one_time_purpose
  returning * into v_token;
  if v_token.id is null or v_token.expires_at <= app_hidden.clock() then
    raise exception 'This link is used or too old. Ask for a new one.' using errcode = 'SBI04';
  end if;
  return v_token;
end
$$;

comment on function app_hidden.use_one_time_token(bytea, text) is
  'Takes a link out of use and says what it was for; LINK_INVALID otherwise.';
--! EndIncluded identity/internal/use_one_time_token.sql
--! Included identity/server/set_one_time_token.sql
/*
 * Called by the mail job with the hash of a token that it has just drawn. Links that were mailed
 * before stay good until one of them is used: anybody can ask for a link, and would otherwise make
 * useless the one that the owner of the address is about to open. What is null needs no mail: the
 * wish is gone, nobody has the address, or somebody else has it already.
 */
create or replace function app_private.set_one_time_token(
  token_id uuid, token_hash bytea, out purpose text, out email text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens;
begin
  select t.* into v_token from app_private.one_time_tokens t
  where t.id = set_one_time_token.token_id and t.expires_at > app_hidden.clock();
  if v_token.id is null or (v_token.purpose = 'reset_password') is distinct from exists (
    select from app_public.user_contacts c where c.email = v_token.email
  ) then
    return;
  end if;
  update app_private.one_time_tokens t set token_hash = set_one_time_token.token_hash
  where t.id = v_token.id;
  purpose := v_token.purpose::text;
  email := v_token.email;
end
$$;

grant execute on function app_private.set_one_time_token(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.set_one_time_token(uuid, bytea) is
  'Gives a mailed link its token and says what the mail job needs; nulls where there is no mail.';
--! EndIncluded identity/server/set_one_time_token.sql
--! Included identity/server/change_password.sql
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
--! EndIncluded identity/server/change_password.sql
--! Included identity/server/confirm_email_change.sql
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
--! EndIncluded identity/server/confirm_email_change.sql
