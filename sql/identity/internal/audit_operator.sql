/*
 * Every function that the operator alone may call and that changes something calls this; a lint of
 * the schema finds one that does not. A call that is refused changes nothing and is not noted, nor
 * is one that an idempotency key has answered.
 */
create or replace function app_hidden.audit_operator(
  operation text, subject_id uuid, user_id uuid default null
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.audit(
    'operator_acted', audit_operator.user_id, subject_id => audit_operator.subject_id,
    operation => audit_operator.operation
  )
$$;

comment on function app_hidden.audit_operator(text, uuid, uuid) is
  'Notes in the audit log which operation an operator calls, and on what.';
