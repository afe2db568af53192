create or replace function app_hidden.lacks_factor(
  user_id uuid, subject app_public.factor_group
) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.factor_rules r where r.subject = lacks_factor.subject
  ) and not app_hidden.has_second_factor(lacks_factor.user_id)
$$;

comment on function app_hidden.lacks_factor(uuid, app_public.factor_group) is
  'Whether the marketplace asks a group for a second factor that a person does not have.';
