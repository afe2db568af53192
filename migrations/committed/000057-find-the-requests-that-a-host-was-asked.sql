--! Previous: sha1:f7e407e7508905a8a2163d725a2cb0475dae7434
--! Hash: sha1:691e6f35e855f135fa29210d251f2a9e3a3b8a8b
--! Message: find the requests that a host was asked

--! no-transaction
create index concurrently if not exists bookings_asked_idx
on app_public.bookings (host_id, answer_due_at) where answer_due_at is not null;
