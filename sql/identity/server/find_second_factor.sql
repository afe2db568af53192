create or replace function app_private.find_second_factor(
  user_id uuid, out sealed_secret bytea, out is_enabled boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select f.sealed_secret, f.enabled_at is not null
  from app_private.second_factors f
  where f.user_id = find_second_factor.user_id
$$;

grant execute on function app_private.find_second_factor(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_second_factor(uuid) is
  'What a code is checked against; nulls where there is no second factor.';
