do $$
begin
  create type app_public.second_factor as (
    is_enabled boolean,
    enabled_at timestamptz,
    is_required boolean,
    recovery_codes_left integer
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.second_factor is 'How a person stands with their second factor.';
comment on column app_public.second_factor.is_enabled is
  'Whether signing in asks for a code beside the password.';
comment on column app_public.second_factor.enabled_at is 'Since when; null without one.';
comment on column app_public.second_factor.is_required is
  'Whether the marketplace asks this person for one: operators act as such, and hosts publish, '
  'only with it.';
comment on column app_public.second_factor.recovery_codes_left is
  'How many recovery codes are left; each works once.';
