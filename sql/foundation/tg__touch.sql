create or replace function app_hidden.tg__touch() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  NEW.updated_at := greatest(app_hidden.clock(), OLD.updated_at + interval '1 microsecond');
  return NEW;
end
$$;

comment on function app_hidden.tg__touch() is 'Keeps updated_at rising with every change of a row.';
