/*
 * The one door to the job queue. It is called inside the transaction that causes the job, so that a
 * job exists if and only if its cause was committed. Runs as the owner, for clients have no right
 * on the queue. `run_at` is an instant of our clock; the queue knows the true time alone.
 */
create or replace function app_hidden.add_job(
  task text,
  payload jsonb,
  job_key text default null,
  run_at timestamptz default null,
  max_attempts integer default 12,
  queue_name text default null
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform graphile_worker.add_job(
    add_job.task,
    add_job.payload::json,
    run_at => now() + (add_job.run_at - app_hidden.clock()),
    max_attempts => add_job.max_attempts,
    job_key => add_job.job_key,
    queue_name => add_job.queue_name
  );
end
$$;

comment on function app_hidden.add_job(text, jsonb, text, timestamptz, integer, text) is
  'Queues a job in the current transaction; job_key makes it unique while it waits, and jobs of '
  'one queue_name run one after the other.';
