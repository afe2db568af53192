do $$
begin
  create type app_public.capture_method as enum ('automatic', 'manual');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.capture_method is
  'Whether the money is taken as soon as the bank agrees, or set aside until the host accepts.';
