/*
 * What a server learns when it begins to listen: which access tokens may still be in somebody's
 * hands although their session has ended.
 */
create or replace function app_private.ended_sessions(age interval) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.id from app_private.sessions s
  where s.ended_at > app_hidden.clock() - ended_sessions.age
  order by s.ended_at desc
  limit 10000
$$;

grant execute on function app_private.ended_sessions(interval) to :DATABASE_AUTHENTICATOR;

comment on function app_private.ended_sessions(interval) is
  'The sessions that have ended within some time, the last ones first, 10,000 at most.';
