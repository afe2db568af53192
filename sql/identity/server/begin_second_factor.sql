/*
 * The server has made a secret and shows it. Whoever begins again gets another one; one that is
 * enabled already stays.
 */
create or replace function app_private.begin_second_factor(user_id uuid, sealed_secret bytea)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_private.second_factors as f (user_id, sealed_secret)
  values (begin_second_factor.user_id, begin_second_factor.sealed_secret)
  on conflict on constraint second_factors_pkey do update
    set sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
    where f.enabled_at is null;
  if not found then
    raise exception 'You have a second factor. Remove it before you choose another.'
      using errcode = 'SBI07';
  end if;
end
$$;

grant execute on function app_private.begin_second_factor(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_second_factor(uuid, bytea) is
  'Keeps the secret of a second factor that is not enabled yet; SECOND_FACTOR_ENABLED otherwise.';
