/*
 * A change of the dates or guests of a sold stay, with a quote of its own: what one side proposes
 * and the other accepts. The row keeps the stay and its amounts before and after.
 */
create table if not exists app_public.alterations (
  id uuid not null default uuidv7() constraint alterations_pkey primary key,
  booking_id uuid not null,
  sequence smallint not null,
  quote_id uuid not null
    constraint alterations_quote_id_fkey references app_public.quotes on delete restrict,
  proposed_by app_public.booking_actor not null,
  status app_public.alteration_status not null default 'proposed',
  status_actor app_public.booking_actor not null,
  reason app_public.prose not null default '',
  check_in date not null,
  check_out date not null,
  guests smallint not null,
  currency text not null
    constraint alterations_currency_fkey references app_public.currencies on delete restrict,
  total_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  old_check_in date not null,
  old_check_out date not null,
  old_guests smallint not null,
  old_total_amount bigint not null,
  old_host_amount bigint not null,
  old_platform_amount bigint not null,
  difference_amount bigint not null generated always as (total_amount - old_total_amount) stored,
  expires_at timestamptz not null,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),
  charge_saved_card boolean not null default false,
  charge_failed_at timestamptz,

  constraint alterations_booking_fkey foreign key (booking_id, currency)
    references app_public.bookings (id, currency) on delete restrict,
  constraint alterations_sequence_key unique (booking_id, sequence),
  constraint alterations_quote_id_key unique (quote_id),
  constraint alterations_proposer_is_party check (proposed_by in ('guest', 'host')),
  constraint alterations_guest_lets_charge check (not charge_saved_card or proposed_by = 'guest'),
  constraint alterations_shares_sum check (host_amount + platform_amount = total_amount),
  constraint alterations_reason_is_bounded check (length(reason) <= 1000)
);

alter table app_public.alterations enable row level security;
alter table app_public.alterations force row level security;

-- One change of a booking is open at a time.
create unique index if not exists alterations_one_open_a_booking
  on app_public.alterations (booking_id) where status in ('proposed', 'accepted');
create index if not exists alterations_booking_idx
  on app_public.alterations (booking_id, currency);
create index if not exists alterations_currency_idx on app_public.alterations (currency);
-- end_alterations() walks those whose time is over.
create index if not exists alterations_open_idx on app_public.alterations (expires_at)
  where status in ('proposed', 'accepted');

create or replace trigger _100_touch
  before update on app_public.alterations
  for each row execute function app_hidden.tg__touch();
create or replace trigger _110_immutable
  before update of id, booking_id, sequence, quote_id, proposed_by, check_in, check_out, guests,
    currency, total_amount, host_amount, platform_amount, old_check_in, old_check_out, old_guests,
    old_total_amount, old_host_amount, old_platform_amount, charge_saved_card
  on app_public.alterations
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _120_kept
  before delete on app_public.alterations
  for each row execute function app_hidden.tg__immutable();

create or replace trigger _600_created
  after insert on app_public.alterations
  for each row execute function
    app_hidden.tg__append_event('alteration.{status}', 'id', 'booking_id');
create or replace trigger _600_status
  after update of status on app_public.alterations
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg__append_event('alteration.{status}', 'id', 'booking_id');

create or replace trigger _600_charge_failed
  after update of charge_failed_at on app_public.alterations
  for each row when (OLD.charge_failed_at is null and NEW.charge_failed_at is not null)
  execute function app_hidden.tg__append_event('alteration.charge_failed', 'id', 'booking_id');

-- Nights that an accepted change holds until its difference is paid, beside those of the stay.
do $$
begin
  alter table app_public.calendar_claims
    add constraint calendar_claims_alteration_id_fkey foreign key (alteration_id)
    references app_public.alterations (id) on delete restrict;
exception
  when duplicate_object then null;
end
$$;

comment on table app_public.alterations is
  'A change of the dates or guests of a booking, for its guest and its host.';
comment on column app_public.alterations.id is 'Public id of the alteration.';
comment on column app_public.alterations.booking_id is 'The booking that is changed.';
comment on column app_public.alterations.sequence is 'Which change of the booking it is, from 1.';
comment on column app_public.alterations.quote_id is
  'The price of the stay as it shall be, with its line items.';
comment on column app_public.alterations.proposed_by is 'Who proposed it: the guest or the host.';
comment on column app_public.alterations.status is 'Where it is.';
comment on column app_public.alterations.status_actor is 'Who brought it there.';
comment on column app_public.alterations.reason is 'What the side that ended it said.';
comment on column app_public.alterations.check_in is 'First night of the new stay, local date.';
comment on column app_public.alterations.check_out is 'Day of leaving, local date.';
comment on column app_public.alterations.guests is 'How many people shall stay.';
comment on column app_public.alterations.currency is 'ISO 4217 currency.';
comment on column app_public.alterations.total_amount is
  'What the new stay costs the guest, in minor units.';
comment on column app_public.alterations.host_amount is
  'What the host earns of the new stay, in minor units.';
comment on column app_public.alterations.platform_amount is
  'What the platform earns of the new stay, in minor units.';
comment on column app_public.alterations.old_check_in is 'First night before the change.';
comment on column app_public.alterations.old_check_out is 'Day of leaving before the change.';
comment on column app_public.alterations.old_guests is 'How many people were to stay before.';
comment on column app_public.alterations.old_total_amount is
  'What the stay cost before, in minor units.';
comment on column app_public.alterations.old_host_amount is
  'What the host earned before, in minor units.';
comment on column app_public.alterations.old_platform_amount is
  'What the platform earned before, in minor units.';
comment on column app_public.alterations.difference_amount is
  'What the guest pays more, in minor units; below zero, what goes back.';
comment on column app_public.alterations.expires_at is
  'Until when it can be accepted, or the difference paid.';
comment on column app_public.alterations.charge_saved_card is
  'Whether a saved card of the guest is charged once the host accepts.';
comment on column app_public.alterations.charge_failed_at is
  'When the saved card could not be charged; the guest may pay until expiresAt.';
comment on column app_public.alterations.created_at is 'When it was proposed.';
comment on column app_public.alterations.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint alterations_sequence_key on app_public.alterations is
  'INTERNAL: The changes of a booking are counted.';
comment on constraint alterations_quote_id_key on app_public.alterations is
  'INTERNAL: A change has a quote of its own.';
comment on constraint alterations_proposer_is_party on app_public.alterations is
  'INTERNAL: A guest or a host proposes a change.';
comment on constraint alterations_guest_lets_charge on app_public.alterations is
  'INTERNAL: Only what the guest has proposed is charged without the guest.';
comment on constraint alterations_shares_sum on app_public.alterations is
  'INTERNAL: The shares of a stay are its total.';
comment on constraint alterations_reason_is_bounded on app_public.alterations is
  'INVALID_INPUT: A reason has at most 1000 characters.';
