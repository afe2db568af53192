do $$
begin
  create type app_public.cost_bearer as enum ('platform', 'host');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.cost_bearer is 'Who pays for what a guest is given.';
