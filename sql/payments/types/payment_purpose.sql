do $$
begin
  create type app_public.payment_purpose as enum (
    'stay', 'alteration', 'instalment', 'deposit', 'damage'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.payment_purpose is 'What a payment is for.';
