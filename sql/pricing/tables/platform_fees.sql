/*
 * What the marketplace takes, in basis points (1/100 %) of the nights and the host's fees. The row
 * that is in force is the newest that has begun; quotes keep what they were priced with.
 */
create table if not exists app_hidden.platform_fees (
  effective_at timestamptz not null constraint platform_fees_pkey primary key,
  guest_service_fee_bps integer not null,
  host_commission_bps integer not null,

  constraint platform_fees_are_shares
    check (guest_service_fee_bps between 0 and 5000 and host_commission_bps between 0 and 5000)
);

alter table app_hidden.platform_fees enable row level security;
alter table app_hidden.platform_fees force row level security;

comment on table app_hidden.platform_fees is
  'Guest service fee and host commission, by when they begin.';
