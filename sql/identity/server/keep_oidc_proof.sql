create or replace function app_private.keep_oidc_proof(
  code_hash bytea, code_challenge text, issuer text, subject text, email text,
  email_verified boolean, display_name text
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.oidc_proofs (
    code_hash, code_challenge, issuer, subject, email, email_verified, display_name
  )
  values (
    keep_oidc_proof.code_hash, keep_oidc_proof.code_challenge, keep_oidc_proof.issuer,
    keep_oidc_proof.subject, keep_oidc_proof.email, keep_oidc_proof.email_verified,
    keep_oidc_proof.display_name
  )
$$;

grant execute on function app_private.keep_oidc_proof(bytea, text, text, text, text, boolean, text)
  to :DATABASE_AUTHENTICATOR;

comment on function
  app_private.keep_oidc_proof(bytea, text, text, text, text, boolean, text) is
  'Keeps for a minute what a provider has said of a person.';
