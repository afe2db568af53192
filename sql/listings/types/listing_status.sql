do $$
begin
  create type app_public.listing_status as enum (
    'draft', 'pending_approval', 'published', 'paused', 'suspended', 'archived'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.listing_status is 'Where a listing is between first draft and archive.';
