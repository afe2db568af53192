select app_hidden.drop_policies('app_public.users');

-- A profile is public: guests choose hosts by it, hosts guests.
create policy select_all on app_public.users for select to :DATABASE_VISITOR using (true);
create policy update_self on app_public.users for update to :DATABASE_VISITOR
  using (id = (select app_public.current_user_id()));
-- No insert: register and confirm_registration create people with a verified address.
-- No delete: bookings and the ledger outlive an account.

grant select on app_public.users to :DATABASE_VISITOR;
grant update (display_name, avatar_url, bio, languages, location) on app_public.users
  to :DATABASE_VISITOR;
