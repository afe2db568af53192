do $$
begin
  create type app_public.quota_kind as enum (
    'listings', 'drafts', 'units', 'photos', 'blocks', 'quotes'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.quota_kind is 'What is counted for each person, and limited.';
