/*
 * Somebody who is signed in adds a way to sign in; the server has checked who asks. The addresses
 * need not be the same.
 */
create or replace function app_private.link_identity(
  user_id uuid, code_hash bytea, code_challenge text
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_proof app_private.oidc_proofs :=
    app_hidden.use_oidc_proof(link_identity.code_hash, link_identity.code_challenge);
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = link_identity.user_id for update;
  if exists (
    select from app_private.identities i
    where i.issuer = v_proof.issuer and i.subject = v_proof.subject
      and i.user_id = link_identity.user_id
  ) then
    return;
  end if;
  insert into app_private.identities (issuer, subject, user_id)
  values (v_proof.issuer, v_proof.subject, link_identity.user_id);
  perform app_hidden.tell_account(link_identity.user_id, 'identity_linked', v_email);
exception
  when unique_violation then
    raise exception
      'This sign-in is that of another account, or you have one of this provider already.'
      using errcode = 'SBI25';
end
$$;

grant execute on function app_private.link_identity(uuid, bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.link_identity(uuid, bytea, text) is
  'Gives a person the identity of a proof; IDENTITY_TAKEN where it is another''s.';
