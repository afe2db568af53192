/*
 * Before any other lock: nobody who holds another one waits for a proof. What is raised later takes
 * the use back, so that somebody who is told to sign in first can then show the same proof.
 */
create or replace function app_hidden.use_oidc_proof(
  code_hash bytea, code_challenge text
) returns app_private.oidc_proofs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_proof app_private.oidc_proofs;
begin
  delete from app_private.oidc_proofs p
  where p.code_hash = use_oidc_proof.code_hash
    and p.code_challenge = use_oidc_proof.code_challenge
    and p.expires_at > app_hidden.clock()
  returning * into v_proof;
  if v_proof.code_hash is null then
    raise exception 'This sign-in is used or too old, or was begun elsewhere. Begin again.'
      using errcode = 'SBI20';
  end if;
  return v_proof;
end
$$;

comment on function app_hidden.use_oidc_proof(bytea, text) is
  'Takes a proof of a provider out of use and says what it was; OIDC_CODE_INVALID otherwise.';
