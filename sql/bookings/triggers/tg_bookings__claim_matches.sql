/*
 * N2: what is sold has its nights, what is not has none. Checked at commit, whoever wrote. A claim
 * that changes hands is looked at from both sides: the booking that gets it, and the one that loses
 * it.
 */
create or replace function app_hidden.tg_bookings__claim_matches() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_ids uuid[];
begin
  if TG_TABLE_NAME = 'bookings' then
    v_booking_ids := array[NEW.id];
  else
    v_booking_ids := array[OLD.booking_id, NEW.booking_id];
  end if;
  if exists (
    select from app_public.bookings b
    left join app_public.calendar_claims c on c.booking_id = b.id and c.alteration_id is null
    where b.id = any (v_booking_ids)
      and (
        c.kind is distinct from (case
          when b.status in ('pending_payment', 'requested', 'accepted') then 'hold'
          when b.status in ('confirmed', 'completed') then 'booking'
        end)::app_public.claim_kind
        or c.listing_id <> b.listing_id
        or c.unit_number <> b.unit_number
        or not c.nights @> daterange(b.check_in, b.check_out)
      )
  ) or exists (
    -- What a change holds it holds while it waits for its payment, and no longer.
    select from app_public.calendar_claims c
    join app_public.alterations a on a.id = c.alteration_id
    where c.booking_id = any (v_booking_ids)
      and (a.status <> 'accepted' or a.booking_id <> c.booking_id)
  ) then
    raise exception 'Booking and calendar disagree.' using errcode = 'SBB09';
  end if;
  return null;
end
$$;

drop trigger if exists _900_claim_matches on app_public.bookings;
create constraint trigger _900_claim_matches
  after insert or update on app_public.bookings
  deferrable initially deferred
  for each row execute function app_hidden.tg_bookings__claim_matches();

drop trigger if exists _900_claim_matches on app_public.calendar_claims;
create constraint trigger _900_claim_matches
  after insert or update or delete on app_public.calendar_claims
  deferrable initially deferred
  for each row execute function app_hidden.tg_bookings__claim_matches();

comment on function app_hidden.tg_bookings__claim_matches() is
  'Refuses to commit a booking without its claim, or a claim without its booking.';
