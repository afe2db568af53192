/*
 * The condition of an If-Match header, which the server sets for the transaction as one or more of
 * "<id> <updated_at>", with commas between: a change of that very row needs one of its versions.
 * Rows that the condition does not name are nobody's concern.
 */
create or replace function app_hidden.tg__if_match() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_versions timestamptz[];
begin
  -- What a client has sent need not be an instant at all; then it is no version of the row.
  select array_agg(case when pg_input_is_valid(t.said, 'timestamptz') then t.said::timestamptz end)
  into v_versions
  from string_to_table(current_setting('staybase.if_match'), ',') each,
    lateral (select substr(each, 38) as said) t
  where starts_with(each, OLD.id::text || ' ');
  if v_versions is not null and (OLD.updated_at = any (v_versions)) is not true then
    raise exception 'It has changed since you read it. Read it again.' using errcode = 'SBG08';
  end if;
  return NEW;
end
$$;

comment on function app_hidden.tg__if_match() is
  'Refuses a change of a row that has changed since the client read it.';
