-- What the demo has, for the start-up text. Its people are known by their addresses.
with people as (
  select c.user_id, c.email from app_public.user_contacts c where c.email like '%@staybase.example'
)
select
  (select count(*)::integer from people) as people,
  (select count(distinct l.city)::integer
   from app_public.listings l join people p on p.user_id = l.host_id)
    as cities,
  (select count(*)::integer
   from app_public.listings l join people p on p.user_id = l.host_id) as listings,
  (select count(*)::integer from app_public.bookings b join people p on p.user_id = b.host_id
    where b.status = 'completed') as past_stays,
  (select count(*)::integer from app_public.bookings b join people p on p.user_id = b.host_id
    where b.status = 'confirmed') as coming_stays,
  (select count(*)::integer
   from app_public.reviews r join people p on p.user_id = r.subject_id) as reviews,
  (select count(*)::integer from app_public.calendar_claims c
    join app_public.listings l on l.id = c.listing_id
    join people p on p.user_id = l.host_id where c.kind = 'block') as blocks
