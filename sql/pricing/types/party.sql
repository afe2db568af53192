do $$
begin
  create type app_public.party as enum ('guest', 'host', 'platform');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.party is 'Who pays or receives money: guest, host, or the platform.';
