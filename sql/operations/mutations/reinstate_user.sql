-- Listings stay paused: the host publishes what is still right.
create or replace function app_public.reinstate_user(user_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := reinstate_user.user_id;
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = v_user_id for update;
  delete from app_public.suspensions s where s.user_id = v_user_id;
  if not found then
    raise exception 'This person is not suspended.' using errcode = 'SBG04', column = 'user_id';
  end if;
  perform app_hidden.audit_operator('reinstate_user', v_user_id, v_user_id);
  if v_email is not null then
    perform app_hidden.tell_account(v_user_id, 'reinstated', v_email);
  end if;
  return v_user_id;
end
$$;

grant execute on function app_public.reinstate_user(uuid) to :DATABASE_OPERATOR;

comment on function app_public.reinstate_user(uuid) is
  'For the operator: lets a suspended person sign in again. Their listings stay paused.';
