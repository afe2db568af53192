do $$
begin
  create type app_public.review_direction as enum ('guest_to_host', 'host_to_guest');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.review_direction is 'Who reviews whom.';
