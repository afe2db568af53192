--! Previous: sha1:db0419288c9997c2eed47c993d6ad14b57b13fcd
--! Hash: sha1:3af3a68b402e505fc3ccdf6176f8d002bf6bad49
--! Message: find what Stripe has said of a payment

--! no-transaction
create index concurrently if not exists stripe_events_object_id_idx
  on app_private.stripe_events (object_id);
