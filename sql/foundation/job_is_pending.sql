-- Whether a job of this key is in the queue and will still be tried; for those that ask again.
create or replace function app_hidden.job_is_pending(job_key text) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from graphile_worker.jobs j where j.key = job_key and j.attempts < j.max_attempts
  )
$$;

comment on function app_hidden.job_is_pending(text) is
  'Whether a job of this key waits or runs, and has attempts left.';
