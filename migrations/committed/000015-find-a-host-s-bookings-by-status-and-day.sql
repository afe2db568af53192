--! Previous: sha1:f094155cca2463ee41f994372ee0e4a8afb0298c
--! Hash: sha1:9b0402768c669e4f8efc81f1c0c3045154cdada6
--! Message: find a host's bookings by status and day

--! no-transaction
create index concurrently if not exists bookings_host_id_status_idx
  on app_public.bookings (host_id, status, check_out);
