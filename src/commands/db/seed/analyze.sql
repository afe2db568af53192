-- The planner should know of all this at once, not when autovacuum comes by.
analyze app_public.users, app_public.user_contacts, app_public.listings, app_public.listing_rates,
  app_public.dated_rates, app_public.listing_amenities, app_public.listing_photos,
  app_public.quotes,
  app_public.bookings, app_public.calendar_claims, app_public.payments, app_public.reviews,
  app_public.ledger_entries, app_hidden.listing_availability, app_hidden.search_cells;
