/*
 * A host's homes and the points that stand for them on the map (public_place). Homes that are side
 * by side share a point, for several points around one house would give it away. A row stays when
 * its home has gone, so that one that comes back has the same: new points for one place could be
 * averaged away. No client reads this: with it the exact place could be had from the public one.
 */
create table if not exists app_private.public_places (
  id bigint generated always as identity constraint public_places_pkey primary key,
  host_id uuid not null
    constraint public_places_host_id_fkey references app_public.users on delete cascade,
  longitude double precision not null,
  latitude double precision not null,
  public_longitude double precision not null,
  public_latitude double precision not null
);

alter table app_private.public_places enable row level security;
alter table app_private.public_places force row level security;

create index if not exists public_places_host_id_idx
  on app_private.public_places (host_id, latitude);

comment on table app_private.public_places is
  'The places of a host''s homes, and the points that stand for them.';
