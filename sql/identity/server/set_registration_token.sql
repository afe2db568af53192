/*
 * Called by the mail job with the hash of a token it has just drawn: the token itself is in the
 * mail and nowhere else, and works for an hour. A repeated job draws a new one, the old one stops
 * working.
 */
create or replace function app_private.set_registration_token(
  registration_id uuid, token_hash bytea,
  out email text, out display_name text, out has_account boolean
)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.registrations r
  set
    token_hash = set_registration_token.token_hash,
    expires_at = app_hidden.clock() + interval '1 hour'
  where r.id = set_registration_token.registration_id and r.expires_at > app_hidden.clock()
  returning
    r.email,
    r.display_name,
    exists (select from app_public.user_contacts c where c.email = r.email)
$$;

grant execute on function app_private.set_registration_token(uuid, bytea)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.set_registration_token(uuid, bytea) is
  'Gives a registration its token, for an hour, and says what the mail job needs; nulls where it '
  'is gone.';
