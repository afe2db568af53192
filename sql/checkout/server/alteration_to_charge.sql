create or replace function app_private.alteration_to_charge(
  alteration_id uuid, out booking_id uuid, out guest_id uuid
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.id, b.guest_id
  from app_public.alterations a join app_public.bookings b on b.id = a.booking_id
  where a.id = alteration_to_charge.alteration_id and a.charge_saved_card
    and a.status = 'accepted' and a.expires_at > app_hidden.clock()
$$;

grant execute on function app_private.alteration_to_charge(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.alteration_to_charge(uuid) is
  'Whose saved card is charged for which booking; nulls where nothing is to be charged any more.';
