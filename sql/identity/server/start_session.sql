create or replace function app_private.start_session(
  user_id uuid, token_hash bytea, user_agent text, lifetime interval, network text default '',
  out session_id uuid, out is_operator boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
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

grant execute on function app_private.start_session(uuid, bytea, text, interval, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.start_session(uuid, bytea, text, interval, text) is
  'Opens a session with its first refresh token.';
