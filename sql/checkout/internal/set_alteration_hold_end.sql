/*
 * Until when an accepted change holds its nights: as for a stay, see set_hold_end(). The caller
 * holds the locks on units and booking.
 */
create or replace function app_hidden.set_alteration_hold_end(
  alteration app_public.alterations, payment_status app_public.payment_status
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.calendar_claims c
  set expires_at = case payment_status
    when 'processing' then null
    when 'cancelled' then alteration.expires_at
    else alteration.expires_at + interval '10 minutes'
  end
  where c.alteration_id = alteration.id
$$;

comment on function app_hidden.set_alteration_hold_end(
  app_public.alterations, app_public.payment_status
) is 'Holds the nights of a change for as long as its payment may take.';
