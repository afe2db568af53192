/*
 * Who is told of an event by mail, and with which mail: the whole list.
 */
create or replace function app_hidden.mails_of_event(type text, subject uuid)
returns table (kind text, user_id uuid, booking_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_confirmed_guest', b.guest_id),
    ('booking_confirmed_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.confirmed' and b.id = mails_of_event.subject
  union all
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_cancelled_guest', b.guest_id),
    ('booking_cancelled_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.cancelled' and b.id = mails_of_event.subject
    and b.confirmed_at is not null
  union all
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_requested_guest', b.guest_id),
    ('booking_requested_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.requested' and b.id = mails_of_event.subject
  union all
  select 'no_show_guest', b.guest_id, b.id
  from app_public.bookings b
  where mails_of_event.type = 'booking.no_show' and b.id = mails_of_event.subject
    and b.no_show_at is not null
  union all
  -- A request that came to nothing. Who ended it knows; the host hears of no request that was none.
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('request_ended_guest', b.guest_id, b.status_actor <> 'guest'),
    ('request_ended_host', b.host_id, b.status_actor <> 'host' and exists (
      select from app_public.booking_events e
      where e.booking_id = b.id and e.to_status = 'requested'
    ))
  ) m (kind, user_id, is_news)
  where mails_of_event.type in ('booking.declined', 'booking.expired', 'booking.cancelled')
    and b.id = mails_of_event.subject and b.answer_due_at is not null and b.confirmed_at is null
    and m.is_news
  union all
  -- Of a change both sides hear, but for what one has just done oneself.
  select m.kind, m.user_id, b.id
  from app_public.alterations a
  join app_public.bookings b on b.id = a.booking_id
  cross join lateral (values ('guest', b.guest_id), ('host', b.host_id)) side (actor, user_id)
  cross join lateral (
    select side.user_id, case
      when mails_of_event.type = 'alteration.proposed' and side.actor <> a.proposed_by::text
        then 'alteration_proposed'
      when mails_of_event.type = 'alteration.accepted' and side.actor = 'guest'
          and not a.charge_saved_card
        then 'alteration_accepted'
      when mails_of_event.type = 'alteration.charge_failed' and side.actor = 'guest'
        then 'alteration_not_charged'
      when mails_of_event.type = 'alteration.applied' then 'alteration_applied'
      when mails_of_event.type in (
          'alteration.declined', 'alteration.withdrawn', 'alteration.expired'
        ) and side.actor <> a.status_actor::text and b.status = 'confirmed'
        then 'alteration_ended'
    end as kind
  ) m
  where a.id = mails_of_event.subject and m.kind is not null
  union all
  -- Each refund says for itself that it has arrived, or that it has not, and why it was made.
  select
    case
      when mails_of_event.type = 'refund.failed' then 'refund_failed'
      when r.reason_code = 'late_payment' then 'late_payment_refunded'
      else 'refund_sent'
    end,
    b.guest_id, b.id
  from app_public.refunds r
  join app_public.payments p on p.id = r.payment_id
  join app_public.bookings b on b.id = p.booking_id
  where mails_of_event.type in ('refund.succeeded', 'refund.failed')
    and r.id = mails_of_event.subject
    -- Another refund has taken its place: the guest hears of that one.
    and (mails_of_event.type = 'refund.succeeded' or r.needs_attention)
$$;

comment on function app_hidden.mails_of_event(text, uuid) is 'The mails that an event asks for.';
