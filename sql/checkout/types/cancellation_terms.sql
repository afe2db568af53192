do $$
begin
  create type app_public.cancellation_terms as (
    booking_id uuid,
    policy app_public.cancellation_policy,
    basis app_public.cancellation_basis,
    nights_percent integer,
    holds_until timestamptz,
    currency text,
    paid_amount bigint,
    refunded_before_amount bigint,
    refund_amount bigint,
    kept_amount bigint,
    host_amount bigint,
    platform_amount bigint,
    line_items app_public.cancellation_line[]
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.cancellation_terms is
  'What cancelling a booking does to its money, if it is done now.';
comment on column app_public.cancellation_terms.booking_id is 'The booking.';
comment on column app_public.cancellation_terms.policy is 'The policy the stay was sold under.';
comment on column app_public.cancellation_terms.basis is 'Why so much goes back.';
comment on column app_public.cancellation_terms.nights_percent is
  'How much of the price of the nights goes back, 0 to 100.';
comment on column app_public.cancellation_terms.holds_until is
  'The last instant at which this holds; empty where it does not depend on the time any more.';
comment on column app_public.cancellation_terms.currency is 'ISO 4217 currency.';
comment on column app_public.cancellation_terms.paid_amount is
  'What the guest has paid, in minor units.';
comment on column app_public.cancellation_terms.refunded_before_amount is
  'What was given back before, or is on its way, in minor units.';
comment on column app_public.cancellation_terms.refund_amount is
  'What goes back now, in minor units: the sum of the guest''s lines, and at most what is left.';
comment on column app_public.cancellation_terms.kept_amount is
  'What the guest does not get back, in minor units.';
comment on column app_public.cancellation_terms.host_amount is
  'What the host keeps of it, in minor units.';
comment on column app_public.cancellation_terms.platform_amount is
  'What the platform keeps of it, in minor units; below zero where the platform has given back '
  'more than its share.';
comment on column app_public.cancellation_terms.line_items is
  'Line by line: what goes back, what is kept, and why.';
