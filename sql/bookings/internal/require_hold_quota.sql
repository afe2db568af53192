/*
 * Holding nights costs nothing: without limits one guest could keep a market closed, by many holds
 * at once or by one after the other. A hold that is over does not count as one, also where nobody
 * has swept it yet; what was paid or asked for counts as no attempt. The caller holds lock_guest(),
 * so that both counts are exact.
 */
create or replace function app_hidden.require_hold_quota(guest_id uuid) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_most integer := app_hidden.quota_of(require_hold_quota.guest_id, 'holds');
  v_most_hourly integer := app_hidden.quota_of(require_hold_quota.guest_id, 'hourly_holds');
  v_seconds integer;
begin
  if (
    select count(*) from app_public.bookings b
    where b.guest_id = require_hold_quota.guest_id and b.status = 'pending_payment'
      and b.hold_expires_at > app_hidden.clock()
  ) >= v_most then
    raise exception 'You hold % stays already: pay or give up one first.', v_most
      using errcode = 'SBB10', column = 'quote_id';
  end if;
  -- The newest of those within the hour that leave no room: when it is an hour old, there is some.
  select ceil(extract(epoch from (b.created_at + interval '1 hour' - app_hidden.clock())))
  into v_seconds
  from app_public.bookings b
  where b.guest_id = require_hold_quota.guest_id
    and b.created_at > app_hidden.clock() - interval '1 hour'
    and b.confirmed_at is null and b.answer_due_at is null
  order by b.created_at desc
  offset v_most_hourly - 1
  limit 1;
  if v_seconds is not null then
    raise exception 'You have begun % bookings within an hour: try again in % seconds.',
      v_most_hourly, v_seconds
      using errcode = 'SBB10', column = 'quote_id',
        detail = jsonb_build_object('retryAfterSeconds', v_seconds)::text;
  end if;
end
$$;

comment on function app_hidden.require_hold_quota(uuid) is
  'TOO_MANY_HOLDS where a guest holds too many stays, or has begun too many within an hour.';
