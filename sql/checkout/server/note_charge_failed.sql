/*
 * The guest's saved card could not be charged for a change of a stay: the guest is told, once, and
 * pays it as any other, until its time is over.
 */
create or replace function app_private.note_charge_failed(alteration_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.alterations a
  set charge_failed_at = app_hidden.clock()
  where a.id = note_charge_failed.alteration_id and a.status = 'accepted'
    and a.charge_failed_at is null
$$;

grant execute on function app_private.note_charge_failed(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.note_charge_failed(uuid) is
  'Notes that a saved card could not be charged for a change of a stay, and tells the guest.';
