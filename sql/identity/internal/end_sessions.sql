/*
 * Ends what lives of a person's sessions, but for one, and those in which they act as others. Each
 * server hears of it at the commit, by the trigger on the table.
 */
create or replace function app_hidden.end_sessions(user_id uuid, except_id uuid default null)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ended integer;
begin
  update app_private.sessions s set ended_at = app_hidden.clock()
  where (s.user_id = end_sessions.user_id or s.impersonator_id = end_sessions.user_id)
    and s.ended_at is null
    and s.id is distinct from end_sessions.except_id;
  get diagnostics v_ended = row_count;
  return v_ended;
end
$$;

comment on function app_hidden.end_sessions(uuid, uuid) is
  'Signs a person out everywhere, but for one session; says of how many.';
