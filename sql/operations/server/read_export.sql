create or replace function app_private.read_export(token_hash bytea, part integer) returns bytea
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.content
  from app_private.data_exports e
  join app_private.data_export_parts p on p.export_id = e.id
  where e.token_hash = read_export.token_hash and e.expires_at > app_hidden.clock()
    and p.position = read_export.part
$$;

grant execute on function app_private.read_export(bytea, integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.read_export(bytea, integer) is
  'A part of a document by the token of its link; null after the last, and where the link is none.';
