do $$
begin
  create type app_hidden.asked_stay as (
    check_in date,
    check_out date,
    guests integer,
    children integer,
    infants integer,
    pets integer
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_hidden.asked_stay is 'A stay that somebody asks for: dates and party.';
