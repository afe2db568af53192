/*
 * The lock on a person who books: what one guest does at once is done one after the other, and
 * guests do not wait for each other. For the order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_guest(guest_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from app_public.users u where u.id = lock_guest.guest_id for no key update;
end
$$;

comment on function app_hidden.lock_guest(uuid) is 'Locks the row of a guest until commit.';
