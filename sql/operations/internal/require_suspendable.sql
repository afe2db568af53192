create or replace function app_hidden.require_suspendable(user_id uuid) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from app_public.users u where u.id = require_suspendable.user_id) then
    raise exception 'There is no such person.' using errcode = 'SBG04', column = 'user_id';
  end if;
  if exists (select from app_private.operators o where o.user_id = require_suspendable.user_id) then
    raise exception 'This is an operator. Take the operator''s rights from them first.'
      using errcode = 'SBG02', column = 'user_id';
  end if;
end
$$;

comment on function app_hidden.require_suspendable(uuid) is
  'Refuses who is nobody, or is an operator.';
