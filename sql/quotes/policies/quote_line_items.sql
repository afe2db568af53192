select app_hidden.drop_policies('app_public.quote_line_items');

create policy definer_all on app_public.quote_line_items to :DATABASE_OWNER
  using (true) with check (true);
-- Whoever sees the quote sees its lines.
create policy select_visible on app_public.quote_line_items for select to :DATABASE_VISITOR
  using (exists (select from app_public.quotes q where q.id = quote_id));

grant select on app_public.quote_line_items to :DATABASE_VISITOR;
