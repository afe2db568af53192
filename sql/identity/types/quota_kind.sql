do $$
begin
  create type app_public.quota_kind as enum (
    'listings', 'drafts', 'units', 'photos', 'blocks', 'quotes', 'holds', 'hourly_holds'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.quota_kind add value if not exists 'holds';
alter type app_public.quota_kind add value if not exists 'hourly_holds';

comment on type app_public.quota_kind is 'What is counted for each person, and limited.';
