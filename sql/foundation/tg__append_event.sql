/*
 * Appends an event for a row that changes. The arguments of the trigger are the type, the column of
 * the subject, and the columns of the payload. "{status}" in the type stands for the row's status.
 */
create or replace function app_hidden.tg__append_event() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb := case TG_OP when 'DELETE' then to_jsonb(OLD) else to_jsonb(NEW) end;
begin
  perform app_hidden.append_event(
    replace(TG_ARGV[0], '{status}', coalesce(v_row ->> 'status', '')),
    (v_row ->> TG_ARGV[1])::uuid,
    (
      -- listing_id becomes listingId.
      select coalesce(jsonb_object_agg(
        left(name, 1) || substr(replace(initcap(replace(name, '_', ' ')), ' ', ''), 2),
        v_row -> name
      ), '{}')
      from unnest(TG_ARGV[2:]) name
    )
  );
  return null;
end
$$;

comment on function app_hidden.tg__append_event() is
  'Appends an event about a row that has changed.';
