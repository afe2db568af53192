/*
 * Notes the wish for an account and queues the mail that proves the address. It does the same
 * whether the address is known or not; the mail job finds out (set_registration_token) and writes
 * accordingly.
 */
create or replace function app_private.register(
  email text, display_name text, password_hash text, key_hash bytea default null
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registration_id uuid;
begin
  insert into app_private.registrations (email, display_name, password_hash, key_hash)
  values (
    lower(btrim(register.email)), btrim(register.display_name), register.password_hash,
    register.key_hash
  )
  returning id into v_registration_id;

  perform app_hidden.add_job(
    'mail__send_registration', jsonb_build_object('registrationId', v_registration_id)
  );
end
$$;

grant execute on function app_private.register(text, text, text, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.register(text, text, text, bytea) is
  'Starts a registration; the answer never tells whether the address has an account.';
