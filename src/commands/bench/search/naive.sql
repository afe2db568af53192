/*
 * The design that one writes first, on the same market: listings with their place, amenities and
 * bookings in tables of their own, under row-level security as this schema has it everywhere:
 * whoever sees the listing sees what hangs on it. The place has the GiST index on a point that one
 * reaches for first, and a b-tree on longitude and latitude for a second query: comparisons of
 * numbers are leakproof and may use their index under row-level security, "<@" may not.
 */
create table bench.listings as
select l.id, l.host_id, l.status, l.title, l.max_guests, l.public_longitude as longitude,
  l.public_latitude as latitude, r.currency, r.nightly_amount, r.cleaning_fee_amount, s.score
from app_public.listings l
join app_public.listing_rates r on r.listing_id = l.id
join app_hidden.search_cells s on s.listing_id = l.id and s.cell = 0
order by l.id;
alter table bench.listings add primary key (id);
create index on bench.listings (longitude, latitude);
create index on bench.listings using gist (point(longitude, latitude));
create index on bench.listings (score desc);
alter table bench.listings enable row level security;
create policy select_published on bench.listings for select to :DATABASE_VISITOR
  using (status = 'published');
create policy select_own on bench.listings for select to :DATABASE_VISITOR
  using (host_id = (select app_public.current_user_id()));
create policy select_booked on bench.listings for select to :DATABASE_VISITOR
  using (id in (select app_hidden.booked_listing_ids()));

create table bench.amenities as select * from app_public.listing_amenities;
alter table bench.amenities add primary key (listing_id, amenity_code);
alter table bench.amenities enable row level security;
create policy select_visible on bench.amenities for select to :DATABASE_VISITOR
  using (exists (select from bench.listings l where l.id = listing_id));

create table bench.bookings as
select uuidv7() as id, s.listing_id, lower(s.nights) as check_in, upper(s.nights) as check_out
from bench.stays s order by s.listing_id;
alter table bench.bookings add primary key (id);
create index on bench.bookings (listing_id, check_out, check_in);
alter table bench.bookings enable row level security;
create policy select_visible on bench.bookings for select to :DATABASE_VISITOR
  using (exists (select from bench.listings l where l.id = listing_id));

grant usage on schema bench to :DATABASE_VISITOR;
grant select on bench.listings, bench.amenities, bench.bookings to :DATABASE_VISITOR;
