create or replace function app_private.use_recovery_code(user_id uuid, code_hash bytea)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_private.recovery_codes c
  where c.user_id = use_recovery_code.user_id and c.code_hash = use_recovery_code.code_hash;
  if not found then
    return false;
  end if;
  perform app_hidden.audit(
    'recovery_code_used', use_recovery_code.user_id, actor_id => use_recovery_code.user_id
  );
  perform app_hidden.tell_account(use_recovery_code.user_id, 'recovery_code_used', (
    select c.email from app_public.user_contacts c where c.user_id = use_recovery_code.user_id
  ));
  return true;
end
$$;

grant execute on function app_private.use_recovery_code(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.use_recovery_code(uuid, bytea) is
  'Takes a recovery code out of use and tells the person; false where there is no such code.';
