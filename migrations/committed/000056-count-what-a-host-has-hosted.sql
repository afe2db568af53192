--! Previous: sha1:ed929a51430b845b89a0deb936fbda5bf43c1a53
--! Hash: sha1:f7e407e7508905a8a2163d725a2cb0475dae7434
--! Message: count what a host has hosted

--! no-transaction
create index concurrently if not exists bookings_hosted_idx on app_public.bookings (host_id)
where status = 'completed' and no_show_at is null;
