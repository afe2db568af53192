select app_hidden.drop_policies('app_public.reviews');

create policy select_published on app_public.reviews for select to :DATABASE_VISITOR
  using (published_at is not null);
create policy select_own on app_public.reviews for select to :DATABASE_VISITOR
  using (author_id = (select app_public.current_user_id()));
create policy select_operator on app_public.reviews for select to :DATABASE_OPERATOR using (true);
-- No insert: submit_review() checks the stay. No update or delete: what was said stays.

grant select on app_public.reviews to :DATABASE_VISITOR;
