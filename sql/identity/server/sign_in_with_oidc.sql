/*
 * Whom a proof signs in: who has the identity, who has the address, or somebody new, who has no
 * password until they choose one by a mailed link. Of two proofs at once, or a proof and a
 * registration that is confirmed, the constraints let one make the account; the other finds it.
 */
create or replace function app_private.sign_in_with_oidc(
  code_hash bytea, code_challenge text, out user_id uuid, out is_new boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_proof app_private.oidc_proofs :=
    app_hidden.use_oidc_proof(sign_in_with_oidc.code_hash, sign_in_with_oidc.code_challenge);
begin
  is_new := false;
  user_id := app_hidden.find_proven(
    v_proof.issuer, v_proof.subject, v_proof.email, v_proof.email_verified
  );
  if user_id is not null then
    return;
  end if;
  begin
    insert into app_public.users (display_name) values (v_proof.display_name)
    returning id into user_id;
    insert into app_public.user_contacts (user_id, email, email_verified_at)
    values (sign_in_with_oidc.user_id, v_proof.email, app_hidden.clock());
    insert into app_private.identities (issuer, subject, user_id)
    values (v_proof.issuer, v_proof.subject, sign_in_with_oidc.user_id);
    is_new := true;
  exception
    when unique_violation then
      user_id := app_hidden.find_proven(
        v_proof.issuer, v_proof.subject, v_proof.email, v_proof.email_verified
      );
  end;
  -- Who was faster has gone again.
  if user_id is null then
    raise exception 'This sign-in is used or too old, or was begun elsewhere. Begin again.'
      using errcode = 'SBI20';
  end if;
end
$$;

grant execute on function app_private.sign_in_with_oidc(bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.sign_in_with_oidc(bytea, text) is
  'Finds, joins or makes the person of a proof; the OIDC_ codes otherwise.';
