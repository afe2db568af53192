create or replace function app_hidden.quota_of(user_id uuid, kind app_public.quota_kind)
returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(u.most, q.most)
  from app_private.quotas q
  left join app_private.user_quotas u on u.kind = q.kind and u.user_id = quota_of.user_id
  where q.kind = quota_of.kind
$$;

comment on function app_hidden.quota_of(uuid, app_public.quota_kind) is
  'How much a person may have: their own exception, or what everybody may.';
