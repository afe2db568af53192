--! Previous: sha1:51f83da5f272553d73b79dc6849ca9c02cc9883c
--! Hash: sha1:4a8f9fef8a60be44847f734617b246c9364a8c16
--! Message: queue jobs by our clock

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     foundation/clock.sql
--   new     foundation/add_job.sql
-- (npm run db:commit wrote these lines.)

--! Included foundation/clock.sql
/*
 * Time that decides something is read here, never in Node: one clock for all servers. It is the
 * start of the transaction, so that all decisions of one transaction agree. Tests and
 * `npm run clock` replace this function to travel in time; in production nothing does.
 */
create or replace function app_hidden.clock() returns timestamptz
language sql stable parallel safe
return now();

grant execute on function app_hidden.clock()
  to :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.clock() is 'The instant that decides: the start of the transaction.';
--! EndIncluded foundation/clock.sql
--! Included foundation/add_job.sql
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
--! EndIncluded foundation/add_job.sql
