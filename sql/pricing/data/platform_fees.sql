insert into app_hidden.platform_fees (effective_at, guest_service_fee_bps, host_commission_bps)
values ('2000-01-01Z', 1200, 300)
on conflict (effective_at) do nothing;
