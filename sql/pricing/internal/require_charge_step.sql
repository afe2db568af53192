create or replace function app_hidden.require_charge_step(
  currency text, field text, amount bigint
) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_step smallint;
begin
  select c.charge_step into v_step from app_public.currencies c
  where c.code = require_charge_step.currency;
  if v_step is null then
    raise exception 'Unknown currency: use one of the query currencies, such as EUR.'
      using errcode = 'SBP05', column = 'currency';
  end if;
  if require_charge_step.amount % v_step <> 0 then
    raise exception 'Amounts in % are multiples of % minor units.',
      require_charge_step.currency, v_step
      using errcode = 'SBP04', column = require_charge_step.field;
  end if;
end
$$;

comment on function app_hidden.require_charge_step(text, text, bigint) is
  'UNKNOWN_CURRENCY or INVALID_AMOUNT where a card could not be charged such an amount.';
