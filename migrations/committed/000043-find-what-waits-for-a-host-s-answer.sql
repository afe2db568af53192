--! Previous: sha1:ee6bd3d2cf529fe9b817f720f4a2917a559c14f5
--! Hash: sha1:9626736aa55ccae597bf04826f344d46da7e19aa
--! Message: find what waits for a host's answer

--! no-transaction
create index concurrently if not exists bookings_open_idx
  on app_public.bookings (host_id, status, answer_due_at)
  where status in ('pending_payment', 'requested', 'accepted');
