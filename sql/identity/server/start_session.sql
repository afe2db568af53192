/*
 * Opens a session for who has shown who they are. The lock makes this and a change of how the
 * person signs in, or a suspension, follow one another: what they end, nothing slips past. Where
 * the person has shown a password, its hash says whether it is still the one.
 */
create or replace function app_private.start_session(
  user_id uuid, token_hash bytea, user_agent text, lifetime interval, network text default '',
  password_hash text default null,
  out session_id uuid, out is_operator boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from app_public.user_contacts c where c.user_id = start_session.user_id for share;
  if exists (select from app_public.suspensions s where s.user_id = start_session.user_id) then
    raise exception 'This account is suspended. Write to us.' using errcode = 'SBI08';
  end if;
  if start_session.password_hash is not null and not exists (
    select from app_private.user_secrets s
    where s.user_id = start_session.user_id and s.password_hash = start_session.password_hash
  ) then
    raise exception 'The password has just changed. Sign in with the new one.'
      using errcode = 'SBI09';
  end if;

  insert into app_private.sessions (user_id, user_agent, network, expires_at)
  values (
    start_session.user_id,
    left(coalesce(start_session.user_agent, ''), 400),
    left(coalesce(start_session.network, ''), 50),
    app_hidden.clock() + start_session.lifetime
  )
  returning id into start_session.session_id;

  insert into app_private.refresh_tokens (token_hash, session_id)
  values (start_session.token_hash, start_session.session_id);

  is_operator := app_hidden.acts_as_operator(start_session.user_id);
end
$$;

grant execute on function app_private.start_session(uuid, bytea, text, interval, text, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.start_session(uuid, bytea, text, interval, text, text) is
  'Opens a session with its first refresh token; ACCOUNT_SUSPENDED where the person may not.';
