do $$
begin
  create type app_public.factor_group as enum ('operators', 'hosts');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.factor_group is 'Who may have to use a second factor.';
