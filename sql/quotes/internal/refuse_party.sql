/*
 * A reason of party_faults() as an error. The field is the part of the party that does not fit,
 * where the caller names no other.
 */
create or replace function app_hidden.refuse_party(
  fault app_public.bookability_reason, field text default null
) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  case fault.code
    when 'too_many_guests' then
      raise exception 'At most % guests fit.', fault.rule
        using errcode = 'SBC05', column = coalesce(refuse_party.field, 'guests');
    when 'children_not_welcome' then
      raise exception 'This listing is not for children.'
        using errcode = 'SBC11', column = coalesce(refuse_party.field, 'children');
    when 'too_many_infants' then
      raise exception 'At most % infants may come.', fault.rule
        using errcode = 'SBC12', column = coalesce(refuse_party.field, 'infants');
    when 'pets_not_allowed' then
      raise exception 'Pets are not allowed here.'
        using errcode = 'SBC13', column = coalesce(refuse_party.field, 'pets');
    when 'too_many_pets' then
      raise exception 'At most % pets may come.', fault.rule
        using errcode = 'SBC14', column = coalesce(refuse_party.field, 'pets');
    else null;
  end case;
end
$$;

comment on function app_hidden.refuse_party(app_public.bookability_reason, text) is
  'Raises a reason why a party does not fit.';
