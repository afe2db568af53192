/*
 * What we know of a person beside listings and stays. Secrets are left out, and from where an
 * operator acted: that is the operator's.
 */
create or replace function app_hidden.export_account(user_id uuid) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'profile', app_hidden.exported(to_jsonb(u)),
    'contact', (
      select app_hidden.exported(to_jsonb(c) - 'user_id')
      from app_public.user_contacts c where c.user_id = u.id
    ),
    'password', (
      select jsonb_build_object('isSet', s.password_hash is not null, 'updatedAt', s.updated_at)
      from app_private.user_secrets s where s.user_id = u.id
    ),
    'secondFactor', (
      select jsonb_build_object('createdAt', f.created_at, 'enabledAt', f.enabled_at)
      from app_private.second_factors f where f.user_id = u.id
    ),
    'operator', (
      select app_hidden.exported(to_jsonb(o) - 'user_id')
      from app_private.operators o where o.user_id = u.id
    ),
    'stripe', (
      select app_hidden.exported(to_jsonb(c) - 'user_id')
      from app_private.stripe_customers c where c.user_id = u.id
    ),
    'identities', (
      select jsonb_agg(app_hidden.exported(to_jsonb(i) - 'user_id') order by i.id)
      from app_private.identities i where i.user_id = u.id
    ),
    'sessions', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(s) - 'user_id' - 'impersonator_id') order by s.id
      )
      from app_private.sessions s where s.user_id = u.id and s.impersonator_id is null
    ),
    'auditEntries', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(a) || case when a.actor_id <> u.id
          then jsonb_build_object('network', '', 'device', '') else '{}'
        end) order by a.id
      )
      from app_public.audit_entries a where u.id in (a.user_id, a.actor_id)
    ),
    'quotas', (
      select jsonb_agg(app_hidden.exported(to_jsonb(q) - 'user_id') order by q.kind)
      from app_private.user_quotas q where q.user_id = u.id
    ),
    'links', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(t) - 'user_id' - 'token_hash') order by t.id
      )
      from app_private.one_time_tokens t where t.user_id = u.id
    ),
    'notices', (
      select jsonb_agg(app_hidden.exported(to_jsonb(n) - 'user_id') order by n.id)
      from app_private.account_notices n where n.user_id = u.id
    ),
    'mails', (
      select jsonb_agg(app_hidden.exported(to_jsonb(m) - 'user_id') order by m.id)
      from app_private.mails m where m.user_id = u.id
    ),
    'exports', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(e) - 'user_id' - 'token_hash') order by e.id
      )
      from app_private.data_exports e where e.user_id = u.id
    ),
    'imports', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(h) - 'user_id') order by h.source, h.external_id
      )
      from app_private.imported_hosts h where h.user_id = u.id
    ),
    'places', (
      select jsonb_agg(app_hidden.exported(to_jsonb(p) - 'host_id') order by p.id)
      from app_private.public_places p where p.host_id = u.id
    )
  )
  from app_public.users u where u.id = export_account.user_id
$$;

comment on function app_hidden.export_account(uuid) is
  'What we know of a person beside their listings and stays.';
