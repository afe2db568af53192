do $$
begin
  create type app_public.bookability_reason as (code text, rule text);
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.bookability_reason is 'Why a stay cannot be booked.';
comment on column app_public.bookability_reason.code is
  'not_published, own_listing, no_rates, in_the_past, min_nights, max_nights, '
  'booking_window, advance_notice, too_many_guests, children_not_welcome, too_many_infants, '
  'pets_not_allowed, too_many_pets, nights_taken, total_too_low, total_too_high '
  '(than a card can be charged).';
comment on column app_public.bookability_reason.rule is
  'The listing''s rule that made it, such as "3" for min_nights.';
