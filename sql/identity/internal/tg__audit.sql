/*
 * Notes a change of a row that belongs to a person, under the action that is the first argument. A
 * second one, `self`, says that the person did it where nobody is signed in: by a mailed link.
 */
create or replace function app_hidden.tg__audit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := case when TG_OP = 'DELETE' then OLD.user_id else NEW.user_id end;
begin
  -- With the person goes what is noted of them.
  if exists (select from app_public.users u where u.id = v_user_id) then
    perform app_hidden.audit(
      TG_ARGV[0]::app_public.audit_action, v_user_id,
      coalesce(app_hidden.current_actor_id(), case when TG_ARGV[1] = 'self' then v_user_id end)
    );
  end if;
  return null;
end
$$;

comment on function app_hidden.tg__audit() is
  'Notes in the audit log that a row of a person has changed.';
