/*
 * Whether a session that begins or goes on has the operator's rights. An operator without the
 * second factor that is asked for is a visitor until they have one.
 */
create or replace function app_hidden.acts_as_operator(user_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.operators o where o.user_id = acts_as_operator.user_id
  ) and not app_hidden.lacks_factor(acts_as_operator.user_id, 'operators')
$$;

comment on function app_hidden.acts_as_operator(uuid) is
  'Whether a person has the rights of the operator.';
