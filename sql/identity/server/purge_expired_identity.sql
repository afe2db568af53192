create or replace function app_private.purge_expired_identity() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_private.registrations where expires_at < app_hidden.clock();
  delete from app_private.one_time_tokens where expires_at < app_hidden.clock();
  delete from app_private.oidc_sign_ins where expires_at < app_hidden.clock();
  delete from app_private.oidc_proofs where expires_at < app_hidden.clock();
  -- Those whose mail was never taken over; the others went with it.
  delete from app_private.account_notices
  where created_at < app_hidden.clock() - interval '30 days';
  delete from app_public.audit_entries
  where created_at < app_hidden.clock() - interval '1 year'
    and action in ('signed_in', 'sign_in_failed', 'refresh_token_reused');
  -- What was done is kept, and from where no longer.
  update app_public.audit_entries set network = '', device = ''
  where created_at < app_hidden.clock() - interval '1 year' and (network <> '' or device <> '');
  -- A week longer than needed, so that a stolen token that comes back late is still recognised.
  delete from app_private.sessions
  where least(expires_at, ended_at) < app_hidden.clock() - interval '7 days';
end
$$;

grant execute on function app_private.purge_expired_identity() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_expired_identity() is
  'Removes registrations and sessions that are past their time.';
