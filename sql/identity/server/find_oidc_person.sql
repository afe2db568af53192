/*
 * Whom a proof would sign in, while it is still good: who has a second factor is asked for a code
 * before the proof is used. Null where it is nobody yet, or the proof is refused anyway.
 */
create or replace function app_private.find_oidc_person(code_hash bytea, code_challenge text)
returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(i.user_id, c.user_id)
  from app_private.oidc_proofs p
  left join app_private.identities i on i.issuer = p.issuer and i.subject = p.subject
  left join app_public.user_contacts c
    on c.email = p.email and p.email_verified and c.email_verified_at is not null
  where p.code_hash = find_oidc_person.code_hash
    and p.code_challenge = find_oidc_person.code_challenge
    and p.expires_at > app_hidden.clock()
$$;

grant execute on function app_private.find_oidc_person(bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_oidc_person(bytea, text) is
  'Whom a proof of a provider would sign in; null where it is nobody yet.';
