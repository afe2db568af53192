/*
 * What the mail job needs, or nulls where the mail was sent already or the person has no address
 * (imported hosts have none).
 */
create or replace function app_private.mail_to_send(
  mail_id uuid,
  out kind text, out email text, out display_name text, out other_name text,
  out booking_id uuid, out listing_title text, out city text,
  out check_in date, out check_out date, out party jsonb,
  out currency text, out exponent integer, out total_amount bigint, out host_amount bigint,
  out street text, out cancelled_by text, out cancellation_reason text, out kept_host_amount bigint,
  out refund_amount bigint, out refund_reason text, out status text, out status_reason text,
  out answer_due text, out new_check_in date, out new_check_out date, out new_party jsonb,
  out difference_amount bigint, out alteration_reason text, out pay_until text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, c.email, u.display_name, o.display_name, b.id, l.title, l.city,
    b.check_in, b.check_out, pb.party, b.currency, cu.exponent, b.total_amount, b.host_amount,
    a.street, ca.actor::text, ca.reason, ca.host_amount, coalesce(r.amount, ca.refund_amount),
    r.reason, b.status::text, b.status_reason,
    to_char(b.answer_due_at at time zone b.time_zone, 'YYYY-MM-DD HH24:MI') || ' ' || b.time_zone,
    al.check_in, al.check_out, pq.party, al.difference_amount, al.reason,
    to_char(al.expires_at at time zone b.time_zone, 'YYYY-MM-DD HH24:MI') || ' ' || b.time_zone
  from app_private.mails m
  join app_public.users u on u.id = m.user_id
  join app_public.user_contacts c on c.user_id = u.id
  join app_public.bookings b on b.id = m.booking_id
  join app_public.users o
    on o.id = case m.user_id when b.guest_id then b.host_id else b.guest_id end
  join app_public.listings l on l.id = b.listing_id
  join app_public.currencies cu on cu.code = b.currency
  left join app_public.listing_addresses a on a.listing_id = l.id
  left join app_public.cancellations ca on ca.booking_id = b.id
  -- A mail about a refund is about the refund of its event.
  left join app_private.events e on e.id = m.event_id
  left join app_public.refunds r on r.id = e.subject
  left join app_public.alterations al on al.id = e.subject
  left join app_public.quotes q on q.id = al.quote_id
  cross join lateral (
    select jsonb_build_object(
      'adults', b.adults, 'children', b.children, 'infants', b.infants, 'pets', b.pets
    ) as party
  ) pb
  cross join lateral (
    select jsonb_build_object(
      'adults', q.adults, 'children', q.children, 'infants', q.infants, 'pets', q.pets
    ) as party
  ) pq
  where m.id = mail_to_send.mail_id and m.sent_at is null
$$;

grant execute on function app_private.mail_to_send(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mail_to_send(uuid) is
  'What a mail says and to whom; nulls where there is nothing to send.';
