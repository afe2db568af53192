/*
 * The claims behind what is taken. Their exclusion constraint is taken off and put back as it was:
 * building its index at once is several times faster than row by row, and checks all rows.
 */
do $$
declare
  v_definition text;
begin
  select pg_get_constraintdef(oid) into v_definition from pg_constraint
  where conrelid = 'app_public.calendar_claims'::regclass
    and conname = 'calendar_claims_nights_excl';
  alter table app_public.calendar_claims drop constraint calendar_claims_nights_excl;

  insert into app_public.calendar_claims (listing_id, unit_number, nights, kind)
  select s.listing_id, 1, s.nights, 'import' from bench.stays s;

  execute 'alter table app_public.calendar_claims add constraint calendar_claims_nights_excl '
    || v_definition;
end
$$;
