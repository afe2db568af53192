/*
 * Ends all sessions of a person and lets them begin none; what they advertise is paused. Bookings
 * stay, for the other side counts on them: cancel_booking_as_operator() is for each of them.
 * Locks: the contacts, against a session that begins meanwhile, then the listings.
 */
create or replace function app_public.suspend_user(user_id uuid, reason text) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.prose := app_hidden.require_reason(suspend_user.reason);
  v_email text;
begin
  perform app_hidden.require_suspendable(suspend_user.user_id);
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = suspend_user.user_id for update;
  insert into app_public.suspensions (user_id, reason)
  values (suspend_user.user_id, v_reason)
  on conflict on constraint suspensions_pkey do nothing;
  if not found then
    return suspend_user.user_id;
  end if;
  perform app_hidden.audit_operator('suspend_user', suspend_user.user_id, suspend_user.user_id);
  perform app_hidden.end_sessions(suspend_user.user_id);
  delete from app_private.one_time_tokens t
  where t.user_id = suspend_user.user_id
    or (t.purpose = 'reset_password' and t.email = v_email);
  update app_public.listings l set status = 'paused'
  where l.host_id = suspend_user.user_id and l.status = 'published';
  if v_email is not null then
    perform app_hidden.tell_account(suspend_user.user_id, 'suspended', v_email);
  end if;
  return suspend_user.user_id;
end
$$;

grant execute on function app_public.suspend_user(uuid, text) to :DATABASE_OPERATOR;

comment on function app_public.suspend_user(uuid, text) is
  'For the operator: signs a person out everywhere, lets them sign in no more, and pauses their '
  'listings. Their bookings stay. The person is told, without the reason. A repeat changes '
  'nothing.';
