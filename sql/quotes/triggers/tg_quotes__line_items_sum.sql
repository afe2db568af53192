/*
 * M7: line items sum to the quote's amounts. Checked at commit, for the quote comes before its
 * lines.
 */
create or replace function app_hidden.tg_quotes__line_items_sum() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_quote_id uuid;
  v_quote app_public.quotes;
  v_total bigint;
  v_host bigint;
begin
  if TG_TABLE_NAME = 'quotes' then
    v_quote_id := NEW.id;
  elsif TG_OP = 'DELETE' then
    v_quote_id := OLD.quote_id;
  else
    v_quote_id := NEW.quote_id;
  end if;
  select q.* into v_quote from app_public.quotes q where q.id = v_quote_id;
  if v_quote.id is null then
    return null;
  end if;
  select
    sum(i.amount) filter (where i.payer = 'guest'),
    sum(case when i.payee = 'host' then i.amount when i.payer = 'host' then -i.amount else 0 end)
  into v_total, v_host
  from app_public.quote_line_items i where i.quote_id = v_quote_id;
  if v_total is distinct from v_quote.total_amount
    or v_host is distinct from v_quote.host_amount
  then
    raise exception 'The line items do not sum to the quote.' using errcode = 'SBM01';
  end if;
  return null;
end
$$;

drop trigger if exists _900_line_items_sum on app_public.quotes;
create constraint trigger _900_line_items_sum
  after insert or update on app_public.quotes
  deferrable initially deferred
  for each row execute function app_hidden.tg_quotes__line_items_sum();

drop trigger if exists _900_line_items_sum on app_public.quote_line_items;
create constraint trigger _900_line_items_sum
  after insert or update or delete on app_public.quote_line_items
  deferrable initially deferred
  for each row execute function app_hidden.tg_quotes__line_items_sum();

comment on function app_hidden.tg_quotes__line_items_sum() is
  'Refuses to commit a quote whose line items do not sum to its amounts.';
