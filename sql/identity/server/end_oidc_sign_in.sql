/*
 * A browser is back from a provider, rightly or not: once, from the same provider, within the time.
 * A callback that somebody opens in another browser leaves the row to its owner.
 */
create or replace function app_private.end_oidc_sign_in(
  state_hash bytea, browser_hash bytea, issuer text
) returns text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.oidc_sign_ins s
  where s.state_hash = end_oidc_sign_in.state_hash
    and s.browser_hash = end_oidc_sign_in.browser_hash
    and s.issuer = end_oidc_sign_in.issuer
    and s.expires_at > app_hidden.clock()
  returning s.code_challenge
$$;

grant execute on function app_private.end_oidc_sign_in(bytea, bytea, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_oidc_sign_in(bytea, bytea, text) is
  'Takes a way to a provider out of use and gives its code challenge; null where there is none.';
