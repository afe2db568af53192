/*
 * Hosts have several listings, and listings are imported several at a time: the lock lets the
 * second one find the person whom the first one made. Each listing tells of its host, and the
 * newest counts; of the same day, that with the highest id, so that any order has the same end.
 */
create or replace function app_hidden.import_host(
  source text, host jsonb, scraped_on date, told_by text, out user_id uuid, out is_changed boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_known app_private.imported_hosts;
begin
  perform pg_advisory_xact_lock(
    hashtextextended('import_host/' || import_host.source || '/' || (host ->> 'externalId'), 0)
  );
  is_changed := false;
  select h.* into v_known from app_private.imported_hosts h
  where h.source = import_host.source and h.external_id = host ->> 'externalId';
  user_id := v_known.user_id;
  if user_id is null then
    insert into app_public.users (display_name, bio, avatar_url, host_since)
    values (host ->> 'displayName', coalesce(host ->> 'bio', ''), host ->> 'avatarUrl',
      coalesce((host ->> 'hostSince')::timestamptz, app_hidden.clock()))
    returning id into user_id;
  elsif row(import_host.scraped_on, import_host.told_by collate "C")
    >= row(v_known.scraped_on, v_known.told_by collate "C") then
    update app_public.users u
    set display_name = host ->> 'displayName', bio = coalesce(host ->> 'bio', ''),
        avatar_url = host ->> 'avatarUrl',
        host_since = coalesce((host ->> 'hostSince')::timestamptz, u.host_since)
    where u.id = v_known.user_id
      and row(u.display_name, u.bio, u.avatar_url::text, u.host_since) is distinct from
        row(host ->> 'displayName', coalesce(host ->> 'bio', ''), host ->> 'avatarUrl',
          coalesce((host ->> 'hostSince')::timestamptz, u.host_since));
    is_changed := found;
  else
    return;
  end if;
  insert into app_private.imported_hosts (source, external_id, user_id, scraped_on, told_by)
  values (
    import_host.source, host ->> 'externalId', import_host.user_id, import_host.scraped_on,
    import_host.told_by
  )
  on conflict on constraint imported_hosts_pkey do update
    set scraped_on = excluded.scraped_on, told_by = excluded.told_by
    where (imported_hosts.scraped_on, imported_hosts.told_by)
      <> (excluded.scraped_on, excluded.told_by);
end
$$;

comment on function app_hidden.import_host(text, jsonb, date, text) is
  'The person for a host of an import, made or brought up to date.';
