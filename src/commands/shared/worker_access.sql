/*
 * Lets the authenticator, as which the worker runs, work the queue. graphile-worker enables
 * row-level security on its tables without any policy, so that only their owner could; and the
 * owner never logs in. Clients get nothing here: they add jobs through app_hidden.add_job(), in the
 * transaction that causes them. It runs after each migration of the queue, and changes nothing
 * where nothing is missing.
 */
do $$
declare
  v_table regclass;
begin
  if not has_schema_privilege(':DATABASE_AUTHENTICATOR', 'graphile_worker', 'USAGE') then
    grant usage on schema graphile_worker to :DATABASE_AUTHENTICATOR;
  end if;

  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'graphile_worker'::regnamespace and c.relkind in ('r', 'v')
  loop
    if not has_table_privilege(':DATABASE_AUTHENTICATOR', v_table, 'SELECT')
      or not has_table_privilege(':DATABASE_AUTHENTICATOR', v_table, 'DELETE')
    then
      execute format(
        'grant select, insert, update, delete on %s to :DATABASE_AUTHENTICATOR', v_table);
    end if;
  end loop;

  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'graphile_worker'::regnamespace and c.relrowsecurity
      and not exists (
        select from pg_policy p where p.polrelid = c.oid and p.polname = 'worker_all'
      )
  loop
    execute format(
      'create policy worker_all on %s to :DATABASE_AUTHENTICATOR using (true) with check (true)',
      v_table);
  end loop;

  if exists (
    select from pg_proc p
    where p.pronamespace = 'graphile_worker'::regnamespace
      and (
        not has_function_privilege(':DATABASE_AUTHENTICATOR', p.oid, 'EXECUTE')
        or has_function_privilege('public', p.oid, 'EXECUTE')
      )
  ) then
    revoke execute on all functions in schema graphile_worker from public;
    grant execute on all functions in schema graphile_worker to :DATABASE_AUTHENTICATOR;
  end if;
end
$$;
