create or replace function app_public.unblock_nights(claim_id uuid)
returns app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_claim app_public.calendar_claims;
begin
  select c.* into v_claim
  from app_public.calendar_claims c
  join app_public.listings l on l.id = c.listing_id
  where c.id = unblock_nights.claim_id and l.host_id = v_user_id;
  if v_claim.id is null then
    raise exception 'There is no such block.' using errcode = 'SBC07', column = 'claim_id';
  end if;
  if v_claim.kind <> 'block' then
    raise exception 'Only blocks can be lifted; these nights are taken by a %.', v_claim.kind
      using errcode = 'SBC07', column = 'claim_id';
  end if;
  delete from app_public.calendar_claims c where c.id = v_claim.id;
  return v_claim;
end
$$;

grant execute on function app_public.unblock_nights(uuid) to :DATABASE_VISITOR;

comment on function app_public.unblock_nights(uuid) is 'Opens nights that the host had blocked.';
