/*
 * The booking process as data: which change of status is allowed, to whom, and when. What has no
 * row here does not happen, whoever asks.
 */
create table if not exists app_hidden.booking_transitions (
  from_status app_public.booking_status not null,
  to_status app_public.booking_status not null,
  actor app_public.booking_actor not null,
  deadline text not null,

  constraint booking_transitions_pkey primary key (from_status, to_status, actor),
  constraint booking_transitions_deadline_is_known check (
    deadline in (
      'none', 'after_hold', 'before_answer_due', 'until_check_in', 'before_check_out',
      'after_check_out'
    )
  )
);

alter table app_hidden.booking_transitions enable row level security;
alter table app_hidden.booking_transitions force row level security;

comment on table app_hidden.booking_transitions is 'Allowed changes of a booking''s status.';
