/*
 * A worker that dies keeps its jobs locked for four hours. So workers say that they live, and
 * whoever lives unlocks the jobs of those who have gone quiet.
 */
create table if not exists app_private.worker_heartbeats (
  worker_id text not null constraint worker_heartbeats_pkey primary key,
  beat_at timestamptz not null
);

alter table app_private.worker_heartbeats enable row level security;
alter table app_private.worker_heartbeats force row level security;

comment on table app_private.worker_heartbeats is 'When each worker last said that it lives.';
