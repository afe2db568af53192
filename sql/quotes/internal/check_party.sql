/*
 * The shape of a party, before anything is looked up. Adults and children are the guests, whom a
 * listing's size and the fee for extra guests count; infants and pets have limits of their own.
 */
create or replace function app_hidden.check_party(
  guests integer, children integer, infants integer, pets integer
) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count record;
begin
  for v_count in
    select * from (values
      ('children', check_party.children, check_party.guests - 1),
      ('infants', check_party.infants, 1000),
      ('pets', check_party.pets, 1000)
    ) as c (name, given, most)
  loop
    if v_count.given between 0 and v_count.most then
      continue;
    elsif v_count.given > v_count.most and v_count.name = 'children' then
      raise exception 'At least one guest is an adult, but % of % are children.',
        v_count.given, check_party.guests
        using errcode = 'SBC06', column = 'children';
    end if;
    raise exception 'Say how many % come, from 0 to 1000, or leave it out.', v_count.name
      using errcode = 'SBC06', column = v_count.name;
  end loop;
end
$$;

comment on function app_hidden.check_party(integer, integer, integer, integer) is
  'INVALID_GUESTS where a party makes no sense.';
