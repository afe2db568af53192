/*
 * Asks again for what a job has not done: Stripe may not have answered for longer than a job has
 * attempts, or has made its record while the account closed.
 */
create or replace function app_private.requeue_erasures() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_ids uuid[] := array(
    select e.user_id from app_private.erasures e
    join app_private.stripe_customers c on c.user_id = e.user_id
    where not app_hidden.job_is_pending('erasure:' || e.user_id)
  );
begin
  perform app_hidden.add_job(
    'account__finish_erasure', jsonb_build_object('userId', id), 'erasure:' || id
  )
  from unnest(v_user_ids) id;
  return cardinality(v_user_ids);
end
$$;

grant execute on function app_private.requeue_erasures() to :DATABASE_AUTHENTICATOR;

comment on function app_private.requeue_erasures() is
  'Queues the jobs of former members whom Stripe still knows; says how many.';
