/*
 * Called by the job with the hash of a token that it has just drawn. The document is written once;
 * a job that runs again gives it another token. Null where the wish or the person is gone.
 */
create or replace function app_private.build_export(export_id uuid, token_hash bytea) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_part constant integer := 1048576;
  v_export app_private.data_exports;
  v_email text;
  v_document bytea;
begin
  select e.* into v_export from app_private.data_exports e
  where e.id = build_export.export_id and e.expires_at > app_hidden.clock() for update;
  select c.email into v_email from app_public.user_contacts c where c.user_id = v_export.user_id;
  if v_email is null then
    return null;
  end if;
  if v_export.built_at is null then
    v_document := convert_to(jsonb_pretty(app_private.export_user(v_export.user_id)), 'UTF8');
    insert into app_private.data_export_parts (export_id, position, content)
    select v_export.id, n, substring(v_document from n * c_part + 1 for c_part)
    from generate_series(0, (length(v_document) - 1) / c_part) n;
  end if;
  update app_private.data_exports e
  set token_hash = build_export.token_hash, built_at = coalesce(e.built_at, app_hidden.clock()),
      expires_at = app_hidden.clock() + interval '24 hours'
  where e.id = v_export.id;
  return v_email;
end
$$;

grant execute on function app_private.build_export(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.build_export(uuid, bytea) is
  'Writes the document that a person asked for, and says where its link goes.';
