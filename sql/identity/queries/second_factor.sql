create or replace function app_public.second_factor() returns app_public.second_factor
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    f.enabled_at is not null,
    f.enabled_at,
    exists (
      select from app_private.factor_rules r
      where (r.subject = 'operators'
          and exists (select from app_private.operators o where o.user_id = u.id))
        or (r.subject = 'hosts' and u.host_since is not null)
    ),
    (select count(*) from app_private.recovery_codes c where c.user_id = u.id)::integer
  from app_public.users u
  left join app_private.second_factors f on f.user_id = u.id
  where u.id = app_public.current_user_id()
$$;

grant execute on function app_public.second_factor() to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.second_factor() is
  'How the person who asks stands with their second factor; null where nobody is signed in.';
