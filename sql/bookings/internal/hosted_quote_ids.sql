create or replace function app_hidden.hosted_quote_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.quote_id from app_public.bookings b where b.host_id = app_public.current_user_id()
$$;

grant execute on function app_hidden.hosted_quote_ids() to :DATABASE_VISITOR;

comment on function app_hidden.hosted_quote_ids() is
  'Quotes that were booked with whoever is signed in.';
