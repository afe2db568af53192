/*
 * Forgets events that were acted on, with the personal data in them, after ninety days. Stripe
 * delivers again for three days, and by hand for thirty: until then an event must be known.
 */
create or replace function app_private.purge_stripe_events() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged integer;
begin
  delete from app_private.stripe_events e
  where e.id = any (array(
    select old.id from app_private.stripe_events old
    where old.processed_at < app_hidden.clock() - interval '90 days'
    limit 10000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_stripe_events() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_stripe_events() is
  'Removes events ninety days after they were acted on, 10,000 at most; says how many.';
