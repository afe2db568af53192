-- The nights would stay taken in listing_availability.
create or replace trigger _110_no_truncate
  before truncate on app_public.calendar_claims
  for each statement execute function app_hidden.tg__no_truncate();
