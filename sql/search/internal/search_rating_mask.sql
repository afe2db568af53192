create or replace function app_hidden.search_rating_mask(minimum_rating numeric) returns bigint
language plpgsql stable
as $$
declare
  v_mask bigint;
begin
  select 1::bigint << b.bit into v_mask from app_hidden.search_bits b
  where b.kind = 'rating' and b.code::numeric = search_rating_mask.minimum_rating;
  if v_mask is null then
    raise exception 'Search by an average rating of at least 3, 4, 4.5 or 4.8.'
      using errcode = 'SBS04', column = 'minimum_rating';
  end if;
  return v_mask;
end
$$;

comment on function app_hidden.search_rating_mask(numeric) is
  'The bit of a rating step; INVALID_FILTER for what is none.';
