-- The platform's shares that new quotes get. Inlined where it is called.
create or replace function app_hidden.fees_in_force() returns setof app_hidden.platform_fees
language sql stable parallel safe
begin atomic
  select f.* from app_hidden.platform_fees f
  where f.effective_at <= app_hidden.clock()
  order by f.effective_at desc
  limit 1;
end;

comment on function app_hidden.fees_in_force() is 'The platform fees of now; one row.';
