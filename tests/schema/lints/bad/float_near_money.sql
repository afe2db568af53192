-- finds: app_public.bad_money.fee_amount
-- finds: app_public.bad_money.nightly_price
-- finds: app_public.bad_money.total_amount
-- finds: app_public.bad_orphans.tip_amount
-- finds: app_public.bad_pay(numeric) paid_amount
create table app_public.bad_money (
  currency text,
  total_amount double precision,
  fee_amount integer,
  nightly_price numeric,
  good_amount bigint
);
create table app_public.bad_orphans (tip_amount bigint);
create function app_public.bad_pay(paid_amount numeric) returns int language sql return 1;
