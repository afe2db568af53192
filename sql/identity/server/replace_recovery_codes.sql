create or replace function app_private.replace_recovery_codes(user_id uuid, code_hashes bytea[])
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not app_hidden.has_second_factor(replace_recovery_codes.user_id) then
    raise exception 'You have no second factor. Enable one first.' using errcode = 'SBI06';
  end if;
  -- Two requests at once: the second one's codes are the ones that work.
  perform from app_private.second_factors f
  where f.user_id = replace_recovery_codes.user_id for update;
  delete from app_private.recovery_codes c where c.user_id = replace_recovery_codes.user_id;
  insert into app_private.recovery_codes (user_id, code_hash)
  select replace_recovery_codes.user_id, hash from unnest(code_hashes) hash;
  perform app_hidden.audit('recovery_codes_created', replace_recovery_codes.user_id);
end
$$;

grant execute on function app_private.replace_recovery_codes(uuid, bytea[])
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.replace_recovery_codes(uuid, bytea[]) is
  'Gives a person new recovery codes; the ones before stop working.';
