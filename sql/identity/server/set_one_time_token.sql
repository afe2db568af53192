/*
 * Called by the mail job with the hash of a token that it has just drawn. Links that were mailed
 * before stay good until one of them is used: anybody can ask for a link, and would otherwise make
 * useless the one that the owner of the address is about to open. What is null needs no mail: the
 * wish is gone, nobody has the address, or somebody else has it already.
 */
create or replace function app_private.set_one_time_token(
  token_id uuid, token_hash bytea, out purpose text, out email text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens;
begin
  select t.* into v_token from app_private.one_time_tokens t
  where t.id = set_one_time_token.token_id and t.expires_at > app_hidden.clock();
  if v_token.id is null or (v_token.purpose = 'reset_password') is distinct from exists (
    select from app_public.user_contacts c where c.email = v_token.email
  ) then
    return;
  end if;
  update app_private.one_time_tokens t set token_hash = set_one_time_token.token_hash
  where t.id = v_token.id;
  purpose := v_token.purpose::text;
  email := v_token.email;
end
$$;

grant execute on function app_private.set_one_time_token(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.set_one_time_token(uuid, bytea) is
  'Gives a mailed link its token and says what the mail job needs; nulls where there is no mail.';
