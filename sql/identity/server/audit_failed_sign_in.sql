/*
 * It writes the same whether the address is known or not, so that a failure takes as long for
 * either; without an account the operator alone sees it, and the address is not kept.
 */
create or replace function app_private.audit_failed_sign_in(email text, device text)
returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.audit(
    'sign_in_failed',
    (
      select c.user_id from app_public.user_contacts c
      where c.email = lower(btrim(audit_failed_sign_in.email))
    ),
    device => audit_failed_sign_in.device
  )
$$;

grant execute on function app_private.audit_failed_sign_in(text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.audit_failed_sign_in(text, text) is
  'Notes in the audit log that somebody has tried to sign in with an address.';
