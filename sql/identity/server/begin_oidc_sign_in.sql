create or replace function app_private.begin_oidc_sign_in(
  state_hash bytea, browser_hash bytea, issuer text, code_challenge text
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.oidc_sign_ins (state_hash, browser_hash, issuer, code_challenge)
  values (
    begin_oidc_sign_in.state_hash, begin_oidc_sign_in.browser_hash, begin_oidc_sign_in.issuer,
    begin_oidc_sign_in.code_challenge
  )
$$;

grant execute on function app_private.begin_oidc_sign_in(bytea, bytea, text, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_oidc_sign_in(bytea, bytea, text, text) is
  'Notes that a browser is on its way to a provider.';
