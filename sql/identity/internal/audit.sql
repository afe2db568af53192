/*
 * Notes what somebody does, from where: the server says it for the transaction. The actor is who
 * asks, and an operator who acts as somebody else is the actor, not that person.
 */
create or replace function app_hidden.audit(
  action app_public.audit_action, user_id uuid, actor_id uuid default app_hidden.current_actor_id(),
  subject_id uuid default null, operation text default null,
  network text default current_setting('staybase.network', true), device text default '',
  reason text default ''
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.audit_entries (
    action, user_id, actor_id, subject_id, operation, network, device, reason
  )
  values (
    audit.action, audit.user_id, audit.actor_id, audit.subject_id, audit.operation,
    left(coalesce(audit.network, ''), 50), left(audit.device, 400), audit.reason
  )
$$;

comment on function app_hidden.audit(
  app_public.audit_action, uuid, uuid, uuid, text, text, text, text
) is 'Notes in the audit log what somebody does with an account.';
