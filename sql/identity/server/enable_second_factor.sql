/*
 * The person has shown the first code. Whoever signed in without one is signed out, for that may
 * be why the person wants it.
 */
create or replace function app_private.enable_second_factor(
  user_id uuid, code_hashes bytea[], kept_session_id uuid
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = enable_second_factor.user_id for update;
  update app_private.second_factors f set enabled_at = app_hidden.clock()
  where f.user_id = enable_second_factor.user_id and f.enabled_at is null;
  if not found then
    raise exception 'You have a second factor. Remove it before you choose another.'
      using errcode = 'SBI07';
  end if;
  perform app_private.replace_recovery_codes(
    enable_second_factor.user_id, enable_second_factor.code_hashes
  );
  perform app_hidden.end_sessions(
    enable_second_factor.user_id, enable_second_factor.kept_session_id
  );
  perform app_hidden.tell_account(enable_second_factor.user_id, 'factor_enabled', v_email);
end
$$;

grant execute on function app_private.enable_second_factor(uuid, bytea[], uuid)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.enable_second_factor(uuid, bytea[], uuid) is
  'Asks a person for a second factor from now on, and ends all sessions but the one that is kept.';
