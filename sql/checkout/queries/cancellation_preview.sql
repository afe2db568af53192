create or replace function app_public.cancellation_preview(booking_id uuid)
returns app_public.cancellation_terms
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(cancellation_preview.booking_id);
begin
  return app_hidden.cancellation_terms(
    v_booking,
    case app_hidden.require_user_id()
      when v_booking.host_id then 'host' else 'guest'
    end::app_public.booking_actor
  );
end
$$;

grant execute on function app_public.cancellation_preview(uuid) to :DATABASE_VISITOR;

comment on function app_public.cancellation_preview(uuid) is
  'What goes back to the guest, line by line, what is kept and why, if whoever asks cancels the '
  'booking now. Cancelling does exactly that.';
