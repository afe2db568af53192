/*
 * The mask of bits for some codes of a kind. An amenity that is unknown, or that has no bit, is
 * refused: to ignore a filter would be to lie.
 */
create or replace function app_hidden.search_mask(kind text, codes text[]) returns bigint
language plpgsql stable
as $$
declare
  v_mask bigint;
  v_found integer;
begin
  if cardinality(search_mask.codes) = 0 then
    return 0;
  end if;
  if exists (select from unnest(search_mask.codes) code where code is null) then
    raise exception 'A list to search by has a null in it: leave it out.'
      using errcode = 'SBS04',
        column = case search_mask.kind when 'type' then 'types' else 'amenities' end;
  end if;
  select coalesce(bit_or(1::bigint << b.bit), 0), count(*) into v_mask, v_found
  from app_hidden.search_bits b
  where b.kind = search_mask.kind and b.code = any (search_mask.codes);
  if v_found < cardinality(search_mask.codes)
    and v_found < (select count(distinct code) from unnest(search_mask.codes) code)
  then
    raise exception 'Some of these cannot be searched by: the query amenities says which can.'
      using errcode = 'SBS03', column = 'amenities';
  end if;
  return v_mask;
end
$$;

comment on function app_hidden.search_mask(text, text[]) is
  'The bits of some codes; UNKNOWN_AMENITY where one has none.';
