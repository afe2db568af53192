/*
 * M7, second half: a booking is sold at its quote's price, whose line items sum to it. Checked for
 * every writer, psql included.
 */
create or replace function app_hidden.tg_bookings__price_stands() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.quotes q
    where q.id = NEW.quote_id and q.currency = NEW.currency and q.total_amount = NEW.total_amount
      and q.host_amount = NEW.host_amount and q.platform_amount = NEW.platform_amount
      and q.cancellation_policy = NEW.cancellation_policy
  ) then
    raise exception 'A booking is sold as its quote says.' using errcode = 'SBM01';
  end if;
  return NEW;
end
$$;

create or replace trigger _300_price_stands
  before insert or update of quote_id, currency, total_amount, host_amount, platform_amount,
    cancellation_policy
  on app_public.bookings
  for each row execute function app_hidden.tg_bookings__price_stands();

comment on function app_hidden.tg_bookings__price_stands() is
  'Refuses a booking at another price than its quote''s.';
