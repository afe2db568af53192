/*
 * Refuses more than a person may have. The caller counts, the new ones included, and holds
 * lock_guest() of the person, so that two at once count one after the other and the limit is exact.
 */
create or replace function app_hidden.require_quota(
  user_id uuid, kind app_public.quota_kind, used bigint
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_most integer := app_hidden.quota_of(require_quota.user_id, require_quota.kind);
begin
  if require_quota.used > v_most then
    raise exception 'You may have % % at most. The operator can raise this.',
      v_most, require_quota.kind
      using errcode = 'SBG07',
        detail = jsonb_build_object('quota', upper(require_quota.kind::text), 'most', v_most)::text;
  end if;
end
$$;

comment on function app_hidden.require_quota(uuid, app_public.quota_kind, bigint) is
  'QUOTA_REACHED where somebody has more than they may have.';
