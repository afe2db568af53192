/*
 * Hosts have several listings, and listings are imported several at a time: the lock lets the
 * second one find the person whom the first one made.
 */
create or replace function app_hidden.import_host(source text, host jsonb) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  perform pg_advisory_xact_lock(
    hashtextextended('import_host/' || import_host.source || '/' || (host ->> 'externalId'), 0)
  );
  select h.user_id into v_user_id from app_private.imported_hosts h
  where h.source = import_host.source and h.external_id = host ->> 'externalId';
  if v_user_id is null then
    insert into app_public.users (display_name, bio, avatar_url, host_since)
    values (host ->> 'displayName', coalesce(host ->> 'bio', ''), host ->> 'avatarUrl',
      coalesce((host ->> 'hostSince')::timestamptz, app_hidden.clock()))
    returning id into v_user_id;
    insert into app_private.imported_hosts (source, external_id, user_id)
    values (import_host.source, host ->> 'externalId', v_user_id);
  else
    update app_public.users u
    set display_name = host ->> 'displayName', bio = coalesce(host ->> 'bio', ''),
        avatar_url = host ->> 'avatarUrl'
    where u.id = v_user_id
      and row(u.display_name, u.bio, u.avatar_url::text) is distinct from
        row(host ->> 'displayName', coalesce(host ->> 'bio', ''), host ->> 'avatarUrl');
  end if;
  return v_user_id;
end
$$;

comment on function app_hidden.import_host(text, jsonb) is
  'The person for a host of an import, made or brought up to date.';
