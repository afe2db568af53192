/*
 * Who signs in by this alone first chooses a password. Two removals at once follow one another by
 * the lock of the contacts, so that one way is left.
 */
create or replace function app_private.remove_identity(user_id uuid, identity_id uuid)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = remove_identity.user_id for update;
  delete from app_private.identities i
  where i.id = remove_identity.identity_id and i.user_id = remove_identity.user_id;
  if not found then
    return false;
  end if;
  if not exists (
    select from app_private.user_secrets s
    where s.user_id = remove_identity.user_id and s.password_hash is not null
  ) and not exists (
    select from app_private.identities i where i.user_id = remove_identity.user_id
  ) then
    raise exception 'This is your only way to sign in. Choose a password first.'
      using errcode = 'SBI24';
  end if;
  perform app_hidden.tell_account(remove_identity.user_id, 'identity_removed', v_email);
  return true;
end
$$;

grant execute on function app_private.remove_identity(uuid, uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.remove_identity(uuid, uuid) is
  'Takes a way to sign in from a person, and says whether there was one; LAST_SIGN_IN where it is '
  'the only one.';
