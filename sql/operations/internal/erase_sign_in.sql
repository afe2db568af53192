/*
 * How a person is reached and signs in, and from where they did. Sessions end by an update, so that
 * every server hears of it; the audit log keeps what was done, and by whom.
 */
create or replace function app_hidden.erase_sign_in(user_id uuid, email text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := erase_sign_in.user_id;
begin
  delete from app_private.registrations r where r.email = erase_sign_in.email;
  delete from app_private.one_time_tokens t
  where t.user_id = v_user_id or t.email = erase_sign_in.email;
  delete from app_private.oidc_proofs p
  where p.email = erase_sign_in.email or exists (
    select from app_private.identities i
    where i.user_id = v_user_id and i.issuer = p.issuer and i.subject = p.subject
  );
  delete from app_private.identities i where i.user_id = v_user_id;
  delete from app_private.second_factors f where f.user_id = v_user_id;
  delete from app_private.user_secrets s where s.user_id = v_user_id;
  delete from app_private.user_quotas q where q.user_id = v_user_id;
  delete from app_private.data_exports e where e.user_id = v_user_id;
  delete from app_private.idempotency_keys k where k.user_id = v_user_id;
  delete from app_public.user_contacts c where c.user_id = v_user_id;

  perform app_hidden.end_sessions(v_user_id);
  delete from app_private.refresh_tokens t
  using app_private.sessions s
  where s.id = t.session_id and s.user_id = v_user_id;
  update app_private.sessions s set network = '', user_agent = ''
  where v_user_id in (s.user_id, s.impersonator_id)
    and (s.network <> '' or s.user_agent <> '');
  -- What operators wrote about the person.
  update app_private.sessions s set impersonated_because = 'Erased.'
  where s.user_id = v_user_id and s.impersonated_because <> 'Erased.';
  update app_public.suspensions s set reason = 'Erased.'
  where s.user_id = v_user_id and s.reason <> 'Erased.';
  update app_public.audit_entries a set network = '', device = '', reason = ''
  where v_user_id in (a.actor_id, a.user_id)
    and (a.network <> '' or a.device <> '' or a.reason <> '');
end
$$;

comment on function app_hidden.erase_sign_in(uuid, text) is
  'Erases how a person is reached and signs in, and from where they did.';
