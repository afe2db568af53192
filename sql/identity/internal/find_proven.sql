/*
 * Who has the identity of a proof; or who has its address, where provider and we both know that it
 * is theirs: they get the identity, and a word about it. Null where it is nobody yet. Whoever
 * changes how a person signs in holds their contacts, so two proofs of one person at once make one
 * identity.
 */
create or replace function app_hidden.find_proven(
  issuer text, subject text, email text, email_verified boolean
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_verified_at timestamptz;
  v_owner_id uuid;
begin
  select i.user_id into v_owner_id from app_private.identities i
  where i.issuer = find_proven.issuer and i.subject = find_proven.subject;
  if v_owner_id is not null then
    return v_owner_id;
  end if;
  if find_proven.email is null then
    raise exception 'The provider gave no e-mail address. Let it share yours, or register here.'
      using errcode = 'SBI21';
  end if;
  if not find_proven.email_verified then
    raise exception
      'The provider does not know whether the address is yours. Prove it there, or register here.'
      using errcode = 'SBI22';
  end if;

  select c.user_id, c.email_verified_at into v_user_id, v_verified_at
  from app_public.user_contacts c where c.email = find_proven.email for update;
  if v_user_id is null then
    return null;
  end if;
  -- Somebody else may have been faster while this waited.
  select i.user_id into v_owner_id from app_private.identities i
  where i.issuer = find_proven.issuer and i.subject = find_proven.subject;
  if v_owner_id is not null then
    return v_owner_id;
  end if;
  if v_verified_at is null or exists (
    select from app_private.identities i
    where i.user_id = v_user_id and i.issuer = find_proven.issuer
  ) then
    raise exception
      'There is an account with this address. Sign in as before, then add this way to sign in.'
      using errcode = 'SBI23';
  end if;
  insert into app_private.identities (issuer, subject, user_id)
  values (find_proven.issuer, find_proven.subject, v_user_id);
  perform app_hidden.tell_account(v_user_id, 'identity_linked', find_proven.email);
  return v_user_id;
end
$$;

comment on function app_hidden.find_proven(text, text, text, boolean) is
  'Whom a proof of a provider signs in; null where it is nobody yet.';
