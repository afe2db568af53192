/*
 * From the next request on: sessions of operators who have no factor end, and they come back as
 * visitors until they have one. Listings that are published stay so.
 */
create or replace function app_public.require_second_factor(
  subject app_public.factor_group, is_required boolean
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_second_factor.subject is null or require_second_factor.is_required is null then
    raise exception 'Say who, and whether they must.' using errcode = 'SBG04', column = 'subject';
  end if;
  perform app_hidden.audit_operator('require_second_factor', null);
  if not require_second_factor.is_required then
    delete from app_private.factor_rules r where r.subject = require_second_factor.subject;
    return false;
  end if;
  if require_second_factor.subject = 'operators'
    and not app_hidden.has_second_factor(app_hidden.require_user_id())
  then
    raise exception 'Enable your own second factor first, or this shuts you out.'
      using errcode = 'SBI06';
  end if;
  insert into app_private.factor_rules (subject) values (require_second_factor.subject)
  on conflict on constraint factor_rules_pkey do nothing;
  if require_second_factor.subject = 'operators' then
    perform app_hidden.end_sessions(o.user_id) from app_private.operators o
    where not app_hidden.has_second_factor(o.user_id);
  end if;
  return true;
end
$$;

grant execute on function app_public.require_second_factor(app_public.factor_group, boolean)
  to :DATABASE_OPERATOR;

comment on function app_public.require_second_factor(app_public.factor_group, boolean) is
  'For the operator: whether operators, or hosts who publish, must use a second factor. Operators '
  'without one are signed out, and are visitors until they have one.';
