/*
 * The first reason of bookability(), as an error. Every reason has a code of its own in the
 * registry, so that a client can put the message next to the right field.
 */
create or replace function app_hidden.require_bookable(
  listing_id uuid, check_in date, check_out date, guests integer, children integer,
  infants integer, pets integer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.bookability_reason;
begin
  select * into v_reason from app_public.bookability(
    require_bookable.listing_id, require_bookable.check_in, require_bookable.check_out,
    require_bookable.guests, require_bookable.children, require_bookable.infants,
    require_bookable.pets
  ) limit 1;
  case v_reason.code
    when 'not_published' then
      raise exception 'This listing is not open for bookings.'
        using errcode = 'SBL01', column = 'listing_id';
    when 'own_listing' then
      raise exception 'Hosts do not book their own listing; block the nights instead.'
        using errcode = 'SBB04', column = 'listing_id';
    when 'no_rates' then
      raise exception 'This listing has no rates.' using errcode = 'SBP06', column = 'listing_id';
    when 'in_the_past' then
      raise exception 'Check-in is in the past: there it is already %.', v_reason.rule
        using errcode = 'SBC03', column = 'check_in';
    when 'min_nights' then
      raise exception 'A stay here has at least % nights.', v_reason.rule
        using errcode = 'SBC08', column = 'check_out';
    when 'max_nights' then
      raise exception 'A stay here has at most % nights.', v_reason.rule
        using errcode = 'SBC04', column = 'check_out';
    when 'booking_window' then
      raise exception 'Stays can begin at most % days from now.', v_reason.rule
        using errcode = 'SBC09', column = 'check_in';
    when 'advance_notice' then
      raise exception 'The host needs % hours of notice.', v_reason.rule
        using errcode = 'SBC10', column = 'check_in';
    when 'nights_taken' then
      raise exception 'These nights are taken.' using errcode = 'SBC01', column = 'check_in';
    when 'total_too_low' then
      raise exception 'The total is less than the % minor units that a card takes.',
        v_reason.rule
        using errcode = 'SBP04', column = 'check_out';
    when 'total_too_high' then
      raise exception 'The total is more than the % minor units that a card takes at once.',
        v_reason.rule
        using errcode = 'SBP04', column = 'check_out';
    else perform app_hidden.refuse_party(v_reason);
  end case;
end
$$;

comment on function app_hidden.require_bookable(
  uuid, date, date, integer, integer, integer, integer
) is 'Raises the first reason why a stay cannot be booked.';
