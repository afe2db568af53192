/*
 * A policies file is the whole answer to "who may do what with this table?": it drops what was
 * there, creates what shall be there, and so can be run again after each edit. It also takes back
 * every grant that clients had, column grants included, so that the grants below it are all there
 * are.
 *
 * Row-level security is forced on the owner, too. So the owner gets the one policy that every table
 * has: functions that are security definer, and migrations, see and change all rows.
 */
create or replace function app_hidden.drop_policies(target regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_policy name;
begin
  for v_policy in select polname from pg_policy where polrelid = drop_policies.target loop
    execute format('drop policy %I on %s', v_policy, drop_policies.target);
  end loop;
  execute format(
    'revoke all on %s from public, :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR',
    drop_policies.target
  );
  execute format(
    'create policy definer_all on %s to :DATABASE_OWNER using (true) with check (true)',
    drop_policies.target
  );
end
$$;

comment on function app_hidden.drop_policies(regclass) is
  'Removes all policies and client grants of a table, and lets its owner in; the first line of a '
  'policies file.';
