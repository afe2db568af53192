/*
 * A priced offer for one stay, to one person, for half an hour. It is booked as it stands; a sold
 * price is never computed again, so a quote that was booked stays for ever.
 */
create table if not exists app_public.quotes (
  id uuid not null default uuidv7() constraint quotes_pkey primary key,
  listing_id uuid not null
    constraint quotes_listing_id_fkey references app_public.listings on delete restrict,
  guest_id uuid not null
    constraint quotes_guest_id_fkey references app_public.users on delete restrict,
  check_in date not null,
  check_out date not null,
  guests smallint not null,
  currency text not null
    constraint quotes_currency_fkey references app_public.currencies on delete restrict,
  total_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  created_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null default app_hidden.clock() + interval '30 minutes',
  cancellation_policy app_public.cancellation_policy not null,
  children smallint not null default 0,
  infants smallint not null default 0,
  pets smallint not null default 0,
  adults smallint not null generated always as (guests - children) virtual,

  -- Line items refer to both, so that they cannot be in another currency.
  constraint quotes_currency_key unique (id, currency),
  constraint quotes_stay_is_ordered check (check_in < check_out),
  constraint quotes_guests_are_positive check (guests > 0),
  constraint quotes_party_has_an_adult check (children between 0 and guests - 1),
  constraint quotes_infants_and_pets_are_counted check (infants >= 0 and pets >= 0),
  -- M7, first half: the shares are the whole. The line items are compared at commit.
  constraint quotes_shares_sum check (host_amount + platform_amount = total_amount),
  constraint quotes_amounts_are_not_negative
    check (total_amount > 0 and host_amount >= 0 and platform_amount >= 0)
);

alter table app_public.quotes enable row level security;
alter table app_public.quotes force row level security;

create index if not exists quotes_guest_id_idx on app_public.quotes (guest_id, id);
create index if not exists quotes_listing_id_idx on app_public.quotes (listing_id);
create index if not exists quotes_currency_idx on app_public.quotes (currency);

-- A price stands, for every role.
create or replace trigger _100_immutable
  before update of id, listing_id, guest_id, check_in, check_out, guests, children, infants, pets,
    currency, total_amount, host_amount, platform_amount, cancellation_policy
  on app_public.quotes
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.quotes is
  'A priced offer for one stay that can be booked until it expires.';
comment on column app_public.quotes.id is 'Public id of the quote, by which it is booked.';
comment on column app_public.quotes.listing_id is 'The listing.';
comment on column app_public.quotes.guest_id is 'To whom it is offered.';
comment on column app_public.quotes.check_in is 'First night, local date.';
comment on column app_public.quotes.check_out is 'Day of leaving, local date.';
comment on column app_public.quotes.guests is
  'How many people stay: adults and children, but no infants.';
comment on column app_public.quotes.adults is 'How many of the guests are adults.';
comment on column app_public.quotes.children is
  'How many of the guests are children, from two to twelve years.';
comment on column app_public.quotes.infants is
  'How many infants under two years come beside the guests; they cost nothing.';
comment on column app_public.quotes.pets is 'How many pets come; there may be a fee for the stay.';
comment on column app_public.quotes.currency is 'ISO 4217 currency.';
comment on column app_public.quotes.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.quotes.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.quotes.platform_amount is
  'What the platform earns of it, in minor units.';
comment on column app_public.quotes.created_at is 'When it was made.';
comment on column app_public.quotes.expires_at is 'Until when it can be booked.';
comment on column app_public.quotes.cancellation_policy is
  'The policy that the stay would be sold under.';

-- What a client is told: the code, and the sentence.
comment on constraint quotes_currency_key on app_public.quotes is
  'INTERNAL: A quote has one currency.';
comment on constraint quotes_stay_is_ordered on app_public.quotes is
  'INVALID_STAY: Check-out comes after check-in.';
comment on constraint quotes_guests_are_positive on app_public.quotes is
  'INVALID_GUESTS: At least one guest stays.';
comment on constraint quotes_party_has_an_adult on app_public.quotes is
  'INVALID_GUESTS: At least one of the guests is an adult.';
comment on constraint quotes_infants_and_pets_are_counted on app_public.quotes is
  'INVALID_GUESTS: Infants and pets are counted from 0.';
comment on constraint quotes_shares_sum on app_public.quotes is
  'INTERNAL: The shares of a quote are its total.';
comment on constraint quotes_amounts_are_not_negative on app_public.quotes is
  'INTERNAL: A quote has a price, and shares that are not negative.';
