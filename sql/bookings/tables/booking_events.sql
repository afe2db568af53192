create table if not exists app_public.booking_events (
  booking_id uuid not null
    constraint booking_events_booking_id_fkey references app_public.bookings on delete restrict,
  sequence integer not null,
  from_status app_public.booking_status,
  to_status app_public.booking_status not null,
  actor app_public.booking_actor not null,
  actor_id uuid constraint booking_events_actor_id_fkey
    references app_public.users on delete set null,
  reason text not null default '',
  created_at timestamptz not null default app_hidden.clock(),

  constraint booking_events_pkey primary key (booking_id, sequence)
);

alter table app_public.booking_events enable row level security;
alter table app_public.booking_events force row level security;

create index if not exists booking_events_actor_id_idx on app_public.booking_events (actor_id);

create or replace trigger _100_immutable
  before update or delete on app_public.booking_events
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _110_no_truncate
  before truncate on app_public.booking_events
  for each statement execute function app_hidden.tg__no_truncate();

comment on table app_public.booking_events is 'What happened to a booking, in order.';
comment on column app_public.booking_events.booking_id is 'The booking.';
comment on column app_public.booking_events.sequence is 'Order within the booking, from 1.';
comment on column app_public.booking_events.from_status is
  'Status before; null for the first event.';
comment on column app_public.booking_events.to_status is 'Status after.';
comment on column app_public.booking_events.actor is 'In which role somebody did it.';
comment on column app_public.booking_events.actor_id is 'Who did it; null for the system.';
comment on column app_public.booking_events.reason is 'Why, where somebody said.';
comment on column app_public.booking_events.created_at is 'When.';
