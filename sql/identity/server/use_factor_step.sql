/*
 * Each code works once: of two requests with the same one the second finds its step taken. So no
 * code is worth anything to who has looked over a shoulder.
 */
create or replace function app_private.use_factor_step(user_id uuid, step bigint) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_private.second_factors f set last_step = use_factor_step.step
  where f.user_id = use_factor_step.user_id and f.last_step < use_factor_step.step;
  return found;
end
$$;

grant execute on function app_private.use_factor_step(uuid, bigint) to :DATABASE_AUTHENTICATOR;

comment on function app_private.use_factor_step(uuid, bigint) is
  'Takes a time step of a second factor; false where it, or a later one, was taken before.';
