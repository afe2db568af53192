do $$
begin
  create type app_public.listing_type as enum (
    'entire_home', 'private_room', 'shared_room', 'hotel_room'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.listing_type is 'What a guest gets: a whole home or some room.';
