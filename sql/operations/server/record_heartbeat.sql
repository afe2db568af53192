/*
 * One heartbeat for the workers of a process, and the rescue of the others' jobs: whoever holds a
 * lock and has not been heard of within the time-out is dead. Reads the wall clock: a heartbeat is
 * about now, not about a transaction. Returns the ids of the workers whose jobs were unlocked.
 */
create or replace function app_private.record_heartbeat(worker_ids text[], timeout interval)
returns text[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dead text[];
begin
  insert into app_private.worker_heartbeats (worker_id, beat_at)
  select id, clock_timestamp() from unnest(record_heartbeat.worker_ids) id
  on conflict on constraint worker_heartbeats_pkey do update set beat_at = excluded.beat_at;

  -- A worker that nobody has heard of gets a first beat now, and with it one time-out to speak up.
  insert into app_private.worker_heartbeats (worker_id, beat_at)
  select distinct j.locked_by, clock_timestamp() from graphile_worker.jobs j
  where j.locked_by is not null
  on conflict on constraint worker_heartbeats_pkey do nothing;

  select array_agg(h.worker_id) into v_dead
  from app_private.worker_heartbeats h
  where h.beat_at < clock_timestamp() - record_heartbeat.timeout;
  if v_dead is null then
    return '{}';
  end if;
  perform graphile_worker.force_unlock_workers(v_dead);
  delete from app_private.worker_heartbeats h where h.worker_id = any (v_dead);
  return v_dead;
end
$$;

grant execute on function app_private.record_heartbeat(text[], interval) to :DATABASE_AUTHENTICATOR;

comment on function app_private.record_heartbeat(text[], interval) is
  'Says that workers live and unlocks the jobs of those that do not; their ids are returned.';
