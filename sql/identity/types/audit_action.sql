do $$
begin
  create type app_public.audit_action as enum (
    'signed_in', 'sign_in_failed', 'refresh_token_reused', 'password_changed', 'email_changed',
    'factor_enabled', 'factor_disabled', 'recovery_codes_created', 'recovery_code_used',
    'operator_granted', 'operator_revoked', 'operator_acted', 'impersonated', 'suspended',
    'reinstated', 'export_requested', 'account_closed'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.audit_action add value if not exists 'identity_linked';
alter type app_public.audit_action add value if not exists 'identity_removed';

comment on type app_public.audit_action is 'What somebody did with an account, or as an operator.';
