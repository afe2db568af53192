/*
 * Whoever changes how a person signs in locks their contacts first: two links that are opened at
 * once, or a link and a change of the password, follow one another.
 */
create or replace function app_hidden.use_one_time_token(
  token_hash bytea, purpose text
) returns app_private.one_time_tokens
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens;
begin
  perform from app_public.user_contacts c
  join app_private.one_time_tokens t on c.user_id = t.user_id
    or (t.user_id is null and c.email = t.email)
  where t.token_hash = use_one_time_token.token_hash
  for update of c;
  delete from app_private.one_time_tokens t
  where t.token_hash = use_one_time_token.token_hash
    and t.purpose = use_one_time_token.purpose::app_private.one_time_purpose
  returning * into v_token;
  if v_token.id is null or v_token.expires_at <= app_hidden.clock() then
    raise exception 'This link is used or too old. Ask for a new one.' using errcode = 'SBI04';
  end if;
  return v_token;
end
$$;

comment on function app_hidden.use_one_time_token(bytea, text) is
  'Takes a link out of use and says what it was for; LINK_INVALID otherwise.';
