/*
 * The nights follow the booking: what is confirmed keeps them for good, what ends frees them.
 * Whoever changes the status has locked the units of the listing before the booking.
 */
create or replace function app_hidden.tg_bookings__move_claim() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if NEW.status = 'confirmed' then
    update app_public.calendar_claims c set kind = 'booking', expires_at = null
    where c.booking_id = NEW.id and c.alteration_id is null;
  elsif NEW.status in ('expired', 'declined', 'cancelled') then
    delete from app_public.calendar_claims c where c.booking_id = NEW.id;
  end if;
  return null;
end
$$;

create or replace trigger _400_move_claim
  after update of status on app_public.bookings
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg_bookings__move_claim();

comment on function app_hidden.tg_bookings__move_claim() is
  'Keeps or frees the nights of a booking when its status changes.';
