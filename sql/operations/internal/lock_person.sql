/*
 * The locks on a person, their listings and the units of these, in the order of sql/README.md: so
 * no booking begins while it is looked whether there is one. Whoever waits for a unit meanwhile
 * finds its listing archived afterwards; a quote of the person is gone.
 */
create or replace function app_hidden.lock_person(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_ids uuid[];
  v_id uuid;
begin
  perform app_hidden.lock_guest(lock_person.user_id);
  v_listing_ids := array(
    select l.id from app_public.listings l where l.host_id = lock_person.user_id order by l.id
  );
  foreach v_id in array v_listing_ids loop
    perform app_hidden.lock_listing(v_id);
  end loop;
  foreach v_id in array v_listing_ids loop
    perform app_hidden.lock_units(v_id);
  end loop;
end
$$;

comment on function app_hidden.lock_person(uuid) is
  'Locks a person and all that they advertise until commit.';
