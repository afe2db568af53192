/*
 * A session in which an operator sees what a person sees. It ends with its first access token, for
 * it has no refresh token; the server lets nothing be changed in it. The server has checked that
 * the operator has just shown who they are.
 */
create or replace function app_private.start_impersonation(
  operator_id uuid, user_id uuid, reason text, network text, lifetime interval
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_session_id uuid;
begin
  if not app_hidden.acts_as_operator(start_impersonation.operator_id) then
    raise exception 'Operators alone may do this.' using errcode = 'SBG02';
  end if;
  if not exists (select from app_public.users u where u.id = start_impersonation.user_id) then
    raise exception 'There is no such person.' using errcode = 'SBG04', column = 'user_id';
  end if;
  if exists (
    select from app_private.operators o where o.user_id = start_impersonation.user_id
  ) then
    raise exception 'Nobody acts as another operator.' using errcode = 'SBG02', column = 'user_id';
  end if;
  insert into app_private.sessions (
    user_id, user_agent, network, expires_at, impersonator_id, proven_at, impersonated_because
  )
  values (
    start_impersonation.user_id, 'An operator of the marketplace',
    left(start_impersonation.network, 50),
    app_hidden.clock() + start_impersonation.lifetime, start_impersonation.operator_id,
    '-infinity', start_impersonation.reason
  )
  returning id into v_session_id;
  return v_session_id;
end
$$;

grant execute on function app_private.start_impersonation(uuid, uuid, text, text, interval)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.start_impersonation(uuid, uuid, text, text, interval) is
  'Opens a session in which an operator sees what a person sees.';
