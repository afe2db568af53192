select app_hidden.drop_policies('app_public.calendar_claims');

create policy select_host on app_public.calendar_claims for select to :DATABASE_VISITOR
  using (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
    )
  );
create policy select_operator on app_public.calendar_claims for select to :DATABASE_OPERATOR
  using (true);
-- Not for guests: why a night is taken is the host's matter; listings_taken_nights() says which.
-- No insert, update or delete: block_nights(), unblock_nights() and bookings.

grant select on app_public.calendar_claims to :DATABASE_VISITOR;
