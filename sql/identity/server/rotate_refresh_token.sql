/*
 * Exchanges a refresh token for the next one, as one atomic swap: of two requests with the same
 * token one waits for the other's row lock. The server derives the next token from the old one, so
 * that within the grace of ten seconds all get the same successor (several tabs, or a lost answer),
 * and a family never has two branches. Later the family ends, for somebody has copied a token.
 */
create or replace function app_private.rotate_refresh_token(
  old_hash bytea, new_hash bytea,
  out status text, out session_id uuid, out user_id uuid, out is_operator boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_grace constant interval := '10 seconds';
  v_token app_private.refresh_tokens;
  v_session app_private.sessions;
begin
  select t.* into v_token from app_private.refresh_tokens t
  where t.token_hash = rotate_refresh_token.old_hash for update;
  select s.* into v_session from app_private.sessions s
  where s.id = v_token.session_id for update;

  if v_session.id is null or v_session.ended_at is not null
    or v_session.expires_at <= app_hidden.clock() then
    status := 'invalid';
    return;
  end if;

  session_id := v_session.id;
  if v_token.used_at <= app_hidden.clock() - c_grace then
    update app_private.sessions s set ended_at = app_hidden.clock() where s.id = v_session.id;
    perform app_hidden.audit(
      'refresh_token_reused', v_session.user_id, actor_id => null, subject_id => v_session.id
    );
    status := 'reused';
    return;
  end if;

  -- Whoever comes again gets the successor there is, and none beside it.
  if v_token.used_at is not null and not exists (
    select from app_private.refresh_tokens t
    where t.token_hash = rotate_refresh_token.new_hash and t.session_id = v_session.id
  ) then
    status := 'invalid';
    return;
  end if;

  update app_private.refresh_tokens t set used_at = coalesce(t.used_at, app_hidden.clock())
  where t.token_hash = v_token.token_hash;
  insert into app_private.refresh_tokens (token_hash, session_id)
  values (rotate_refresh_token.new_hash, v_session.id)
  on conflict on constraint refresh_tokens_pkey do nothing;
  update app_private.sessions s set last_used_at = app_hidden.clock() where s.id = v_session.id;

  status := 'rotated';
  user_id := v_session.user_id;
  is_operator := v_session.impersonator_id is null
    and app_hidden.acts_as_operator(v_session.user_id);
end
$$;

grant execute on function app_private.rotate_refresh_token(bytea, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.rotate_refresh_token(bytea, bytea) is
  'Exchanges a refresh token: status is rotated, invalid, or reused (the session has been ended).';
