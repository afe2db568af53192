create or replace function app_hidden.has_second_factor(user_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.second_factors f
    where f.user_id = has_second_factor.user_id and f.enabled_at is not null
  )
$$;

comment on function app_hidden.has_second_factor(uuid) is
  'Whether signing in asks a person for a second factor.';
