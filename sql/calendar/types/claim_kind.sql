do $$
begin
  create type app_public.claim_kind as enum ('hold', 'booking', 'block', 'import');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.claim_kind is
  'Why nights are taken: hold (waits for payment), booking, block (by the host), import (from '
  'another calendar).';
