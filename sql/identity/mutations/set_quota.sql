create or replace function app_public.set_quota(
  user_id uuid, kind app_public.quota_kind, most integer
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if set_quota.user_id is null or set_quota.kind is null or set_quota.most is null
    or set_quota.most < 0
  then
    raise exception 'A quota has a person, a kind, and a number from 0.'
      using errcode = 'SBG04', column = 'most';
  end if;
  if not exists (select from app_public.users u where u.id = set_quota.user_id) then
    raise exception 'There is no such person.' using errcode = 'SBG04', column = 'user_id';
  end if;
  insert into app_private.user_quotas (user_id, kind, most)
  values (set_quota.user_id, set_quota.kind, set_quota.most)
  on conflict on constraint user_quotas_pkey do update set most = excluded.most;
  perform app_hidden.audit_operator('set_quota', set_quota.user_id, set_quota.user_id);
  return set_quota.most;
end
$$;

grant execute on function app_public.set_quota(uuid, app_public.quota_kind, integer)
  to :DATABASE_OPERATOR;

comment on function app_public.set_quota(uuid, app_public.quota_kind, integer) is
  'For the operator: how many of a kind a person may have from now on.';
