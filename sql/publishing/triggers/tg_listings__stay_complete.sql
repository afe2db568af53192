/*
 * What guests see stays complete: an edit of a published listing may not take away what publishing
 * asked for. What it lacked before (an imported listing has no rules) it may go on lacking.
 */
create or replace function app_hidden.tg_listings__stay_complete() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_missing text[] := app_hidden.missing_for_publication(NEW);
begin
  if not v_missing <@ app_hidden.missing_for_publication(OLD) then
    raise exception 'A published listing keeps what it needs: % would be missing. Pause it first.',
      array_to_string(v_missing, ', ')
      using errcode = 'SBL02', detail = to_jsonb(v_missing)::text;
  end if;
  return NEW;
end
$$;

create or replace trigger _200_stay_complete
  before update of title, description, house_rules on app_public.listings
  for each row when (OLD.status = 'published' and NEW.status = 'published')
  execute function app_hidden.tg_listings__stay_complete();

comment on function app_hidden.tg_listings__stay_complete() is
  'Refuses edits that would leave a published listing incomplete.';
