create or replace function app_hidden.find_repeated_booking(
  guest_id uuid, idempotency_key text, quote_id uuid
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
begin
  select b.* into v_booking from app_public.bookings b
  where b.guest_id = find_repeated_booking.guest_id
    and b.idempotency_key = find_repeated_booking.idempotency_key;
  if v_booking.quote_id <> find_repeated_booking.quote_id then
    raise exception 'This idempotency key was used for another quote; choose a new one.'
      using errcode = 'SBB03', column = 'idempotency_key';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.find_repeated_booking(uuid, text, uuid) is
  'The booking that an earlier call with this key made, or null; IDEMPOTENCY_KEY_REUSED for another quote.';
