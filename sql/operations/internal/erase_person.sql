/*
 * Erases somebody, if nothing is open that others wait for. The address that they had is told, by a
 * notice that goes when it is sent. A minute later a job looks for what came too late, and tells
 * Stripe. Locks: the contacts, then as lock_person() says, then bookings.
 */
create or replace function app_hidden.erase_person(
  user_id uuid, may_be_owed boolean, operator_id uuid default null, reason text default ''
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
  v_in_use text[];
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = erase_person.user_id for update;
  perform app_hidden.lock_person(erase_person.user_id);
  v_in_use := app_hidden.account_in_use(erase_person.user_id, erase_person.may_be_owed);
  if v_in_use <> '{}' then
    raise exception 'The account is in use: %. Let that come to its end first.',
      lower(array_to_string(v_in_use, ', '))
      using errcode = 'SBI30', detail = to_jsonb(v_in_use)::text;
  end if;

  insert into app_private.erasures (user_id, operator_id, reason)
  values (erase_person.user_id, erase_person.operator_id, erase_person.reason)
  on conflict on constraint erasures_pkey do nothing;
  if not found then
    return;
  end if;
  perform app_hidden.audit('account_closed', erase_person.user_id);
  if v_email is not null then
    perform app_hidden.tell_account(erase_person.user_id, 'account_closed', v_email);
  end if;
  perform app_hidden.erase_data(erase_person.user_id, v_email);
  perform app_hidden.add_job(
    'account__finish_erasure', jsonb_build_object('userId', erase_person.user_id),
    'erasure:' || erase_person.user_id, app_hidden.clock() + interval '1 minute'
  );
end
$$;

comment on function app_hidden.erase_person(uuid, boolean, uuid, text) is
  'Erases the personal data of somebody; ACCOUNT_IN_USE while others wait for something.';
