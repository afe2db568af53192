/*
 * The one place where nights are taken: holds, bookings, blocks and imported events alike. Only
 * live claims have rows: to free nights is to delete the claim.
 */
create table if not exists app_public.calendar_claims (
  id uuid not null default uuidv7() constraint calendar_claims_pkey primary key,
  listing_id uuid not null,
  unit_number smallint not null,
  nights daterange not null,
  kind app_public.claim_kind not null,
  booking_id uuid,
  expires_at timestamptz,
  note app_public.prose not null default '',
  created_at timestamptz not null default app_hidden.clock(),
  alteration_id uuid,

  -- N1: no night of a unit has two live claims, whoever wrote them. The guard row decides first
  -- (two inserts that meet on this constraint deadlock); this stands behind it.
  constraint calendar_claims_nights_excl
    exclude using gist (listing_id with =, unit_number with =, nights with &&),
  constraint calendar_claims_unit_fkey
    foreign key (listing_id, unit_number)
    references app_hidden.listing_availability (listing_id, unit_number) on delete cascade,
  constraint calendar_claims_nights_are_finite check (
    not isempty(nights) and lower_inf(nights) is false and upper_inf(nights) is false
    and isfinite(lower(nights)) and isfinite(upper(nights))
  ),
  constraint calendar_claims_kind_has_booking
    check ((kind in ('hold', 'booking')) = (booking_id is not null)),
  constraint calendar_claims_alteration_has_booking
    check (alteration_id is null or (kind = 'hold' and booking_id is not null)),
  constraint calendar_claims_only_holds_expire check (expires_at is null or kind = 'hold'),
  constraint calendar_claims_note_is_bounded check (length(note) <= 500)
);

alter table app_public.calendar_claims enable row level security;
alter table app_public.calendar_claims force row level security;

-- A host's calendar in order, and the foreign key to the unit.
create index if not exists calendar_claims_unit_idx
  on app_public.calendar_claims (listing_id, unit_number, lower(nights));

-- One claim a booking; a change that waits for its payment has claims beside it.
create unique index if not exists calendar_claims_one_a_booking
  on app_public.calendar_claims (booking_id) where alteration_id is null;
create index if not exists calendar_claims_booking_id_idx
  on app_public.calendar_claims (booking_id);
create index if not exists calendar_claims_alteration_id_idx
  on app_public.calendar_claims (alteration_id);

-- Holds past their time are found by this, for one listing or for all.
create index if not exists calendar_claims_expires_at_idx
  on app_public.calendar_claims (expires_at, listing_id) where expires_at is not null;

-- Holds whose bank decides; there are few.
create index if not exists calendar_claims_processing_idx
  on app_public.calendar_claims (listing_id) where kind = 'hold' and expires_at is null;

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.calendar_claims
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.calendar_claims is
  'Nights of a unit that are taken; visible to its host.';
comment on column app_public.calendar_claims.id is 'Public id of the claim.';
comment on column app_public.calendar_claims.listing_id is 'The listing.';
comment on column app_public.calendar_claims.unit_number is
  'Which of the listing''s identical units, from 1.';
comment on column app_public.calendar_claims.nights is
  'The nights from the first to before the end; the listing''s preparation days after a stay '
  'included.';
comment on column app_public.calendar_claims.kind is 'Why the nights are taken.';
comment on column app_public.calendar_claims.booking_id is
  'The booking that takes them, for holds and bookings.';
comment on column app_public.calendar_claims.expires_at is
  'When a hold ends, which is ten minutes after the guest''s time where Stripe has to be asked '
  'whether they paid; null for what lasts, and while a payment is being processed.';
comment on column app_public.calendar_claims.note is 'The host''s own note.';
comment on column app_public.calendar_claims.alteration_id is
  'The change of the booking that holds them until its difference is paid.';
comment on column app_public.calendar_claims.created_at is 'When they were taken.';

-- What a client is told: the code, and the sentence.
comment on constraint calendar_claims_nights_excl on app_public.calendar_claims is
  'DATES_UNAVAILABLE: These nights are taken.';
comment on constraint calendar_claims_alteration_has_booking on app_public.calendar_claims is
  'INTERNAL: Nights that a change holds belong to its booking.';
comment on constraint calendar_claims_nights_are_finite on app_public.calendar_claims is
  'INVALID_INPUT: The nights have a first and a last day.';
comment on constraint calendar_claims_kind_has_booking on app_public.calendar_claims is
  'INTERNAL: A hold or a booking of nights belongs to a booking.';
comment on constraint calendar_claims_only_holds_expire on app_public.calendar_claims is
  'INTERNAL: Only a hold expires.';
comment on constraint calendar_claims_note_is_bounded on app_public.calendar_claims is
  'INVALID_INPUT: A note has 500 characters at most.';
