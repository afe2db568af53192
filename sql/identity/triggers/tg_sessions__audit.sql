/*
 * A session begins when somebody has signed in, in whatever way, or when an operator begins to act
 * as somebody.
 */
create or replace function app_hidden.tg_sessions__audit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.audit(
    case when NEW.impersonator_id is null then 'signed_in' else 'impersonated' end
      ::app_public.audit_action,
    NEW.user_id, coalesce(NEW.impersonator_id, NEW.user_id), NEW.id,
    network => NEW.network, device => NEW.user_agent,
    reason => coalesce(NEW.impersonated_because, '')
  );
  return null;
end
$$;

create or replace trigger _600_audit
  after insert on app_private.sessions
  for each row execute function app_hidden.tg_sessions__audit();

comment on function app_hidden.tg_sessions__audit() is
  'Notes in the audit log that a session has begun.';
