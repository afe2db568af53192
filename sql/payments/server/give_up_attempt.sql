/*
 * Stripe repeats a failure of its own for ever under the key of this attempt. Nobody has got the
 * secret of an intent that it may have made, so nobody can pay it: the next attempt has a key of
 * its own.
 */
create or replace function app_private.give_up_attempt(payment_id uuid, attempt smallint)
returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.payments p
  set attempt = p.attempt + 1
  where p.id = give_up_attempt.payment_id and p.attempt = give_up_attempt.attempt
    and p.stripe_payment_intent_id is null
$$;

grant execute on function app_private.give_up_attempt(uuid, smallint) to :DATABASE_AUTHENTICATOR;

comment on function app_private.give_up_attempt(uuid, smallint) is
  'Lets the next request to Stripe for a payment have a key of its own.';
