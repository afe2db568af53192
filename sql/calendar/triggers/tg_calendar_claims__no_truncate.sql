-- A truncate fires no row trigger: the nights would stay taken for ever.
create or replace trigger _110_no_truncate
  before truncate on app_public.calendar_claims
  for each statement execute function app_hidden.tg__append_only();
