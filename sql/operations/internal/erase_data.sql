/*
 * Everything that says who somebody was, in the order of locks (sql/README.md): the caller has
 * locked the contacts and calls lock_person(). It may run again, and does: a request that had begun
 * before the sessions ended may write after it.
 */
create or replace function app_hidden.erase_data(user_id uuid, email text default null)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.users u
  set display_name = 'Former member', avatar_url = null, bio = '', languages = '{}',
      location = null
  where u.id = erase_data.user_id
    and row(u.display_name, u.avatar_url::text, u.bio, u.languages, u.location::text)
      is distinct from row('Former member', null::text, '', '{}'::text[], null::text);
  perform app_hidden.erase_host(erase_data.user_id);
  perform app_hidden.erase_guest(erase_data.user_id);
  perform app_hidden.erase_sign_in(erase_data.user_id, erase_data.email);
end
$$;

comment on function app_hidden.erase_data(uuid, text) is
  'Erases the personal data of somebody; what bookings and the ledger need stays.';
