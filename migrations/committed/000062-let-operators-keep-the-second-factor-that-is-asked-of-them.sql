--! Previous: sha1:f28b49e90eced7c0d3a57f87a272e407d57b4d43
--! Hash: sha1:db0419288c9997c2eed47c993d6ad14b57b13fcd
--! Message: let operators keep the second factor that is asked of them

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +6 -0   identity/server/disable_second_factor.sql
-- (npm run db:commit wrote these lines.)

--! Included identity/server/disable_second_factor.sql
-- An operator who must have one keeps it: the rights of the operator hang on it.
create or replace function app_private.disable_second_factor(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = disable_second_factor.user_id for update;
  if exists (select from app_private.factor_rules r where r.subject = 'operators') and exists (
    select from app_private.operators o where o.user_id = disable_second_factor.user_id
  ) then
    raise exception 'The marketplace asks operators for a second factor.' using errcode = 'SBG02';
  end if;
  delete from app_private.second_factors f
  where f.user_id = disable_second_factor.user_id and f.enabled_at is not null;
  if not found then
    raise exception 'You have no second factor. Enable one first.' using errcode = 'SBI06';
  end if;
  perform app_hidden.tell_account(disable_second_factor.user_id, 'factor_disabled', v_email);
end
$$;

grant execute on function app_private.disable_second_factor(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.disable_second_factor(uuid) is
  'Asks a person for no second factor any more, and tells them.';
--! EndIncluded identity/server/disable_second_factor.sql
