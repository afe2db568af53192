create or replace function app_hidden.tg_alterations__cancel_intent() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.cancel_alteration_intent(NEW);
  return null;
end
$$;

create or replace trigger _600_cancel_intent
  after update of status on app_public.alterations
  for each row when (NEW.status in ('expired', 'withdrawn', 'declined'))
  execute function app_hidden.tg_alterations__cancel_intent();

comment on function app_hidden.tg_alterations__cancel_intent() is
  'When a change ends unpaid, its intent is cancelled at Stripe.';
