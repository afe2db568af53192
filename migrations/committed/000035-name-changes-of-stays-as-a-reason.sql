--! Previous: sha1:abe1b3bc5aa3b055f36239fe5ee83a17354d20c2
--! Hash: sha1:0de99976028eefc3b99b7dcc85c40ff858782263
--! Message: name changes of stays as a reason

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +2 -1   payments/types/refund_reason.sql
-- (npm run db:commit wrote these lines.)

--! Included payments/types/refund_reason.sql
do $$
begin
  create type app_public.refund_reason as enum (
    'late_payment', 'guest_cancelled', 'host_cancelled', 'operator_cancelled', 'goodwill',
    'made_at_stripe', 'unknown_charge', 'not_accepted', 'altered'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.refund_reason add value if not exists 'not_accepted';
alter type app_public.refund_reason add value if not exists 'altered';

comment on type app_public.refund_reason is 'Why money is given back.';
--! EndIncluded payments/types/refund_reason.sql
