/*
 * Called by the server, which has checked that the person has just shown who they are. One wish at
 * a time and three a day; two at once follow one another by the lock of the contacts.
 */
create or replace function app_private.request_export(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_most constant integer := 3;
  v_export_id uuid;
begin
  perform from app_public.user_contacts c where c.user_id = request_export.user_id for update;
  if exists (
    select from app_private.data_exports e
    where e.user_id = request_export.user_id and e.built_at is null
      and e.created_at > app_hidden.clock() - interval '1 hour'
  ) then
    raise exception 'Your data are being put together. We mail you the link.'
      using errcode = 'SBI31';
  end if;
  if c_most <= (
    select count(*) from app_private.data_exports e
    where e.user_id = request_export.user_id
      and e.created_at > app_hidden.clock() - interval '24 hours'
  ) then
    raise exception 'You may ask for your data % times a day. Use the last link.', c_most
      using errcode = 'SBI31';
  end if;
  insert into app_private.data_exports (user_id) values (request_export.user_id)
  returning id into v_export_id;
  perform app_hidden.audit('export_requested', request_export.user_id);
  perform app_hidden.add_job('account__export', jsonb_build_object('exportId', v_export_id));
end
$$;

grant execute on function app_private.request_export(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.request_export(uuid) is
  'Notes that a person wants their data; EXPORT_LIMIT where they have asked enough.';
