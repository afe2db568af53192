/*
 * A stay as its guest or its host sees it. Of the other side there is what they saw anyway: an id,
 * and what was said about the stay. Money between the guest and the marketplace is the guest's.
 */
create or replace function app_hidden.export_booking(
  booking app_public.bookings, is_guest boolean
) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.exported(
    case when is_guest then to_jsonb(booking) else to_jsonb(booking) - 'idempotency_key' end
  ) || jsonb_build_object(
    'events', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(e) - 'booking_id' - 'actor_id') order by e.sequence
      )
      from app_public.booking_events e where e.booking_id = booking.id
    ),
    'alterations', (
      select jsonb_agg(app_hidden.exported(to_jsonb(a) - 'booking_id') order by a.sequence)
      from app_public.alterations a where a.booking_id = booking.id
    ),
    'cancellation', (
      select app_hidden.exported(to_jsonb(c) - 'booking_id' - 'actor_id') || jsonb_build_object(
        'lineItems', (
          select jsonb_agg(app_hidden.exported(to_jsonb(i) - 'booking_id') order by i.position)
          from app_public.cancellation_line_items i where i.booking_id = c.booking_id
        )
      )
      from app_public.cancellations c where c.booking_id = booking.id
    )
  ) || case when is_guest then jsonb_build_object(
    'payments', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(p) - 'booking_id') || jsonb_build_object('refunds', (
          select jsonb_agg(
            app_hidden.exported(to_jsonb(r) - 'payment_id' - 'actor_id' - 'resolver_id')
            order by r.id
          )
          from app_public.refunds r where r.payment_id = p.id
        )) order by p.id
      )
      from app_public.payments p where p.booking_id = booking.id
    ),
    'unknownCharges', (
      select jsonb_agg(app_hidden.exported(to_jsonb(u) - 'booking_id') order by u.id)
      from app_public.unknown_charges u where u.booking_id = booking.id
    )
  ) else '{}' end
$$;

comment on function app_hidden.export_booking(app_public.bookings, boolean) is
  'A stay with what happened to it, as one side sees it.';
