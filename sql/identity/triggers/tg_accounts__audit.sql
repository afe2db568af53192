-- What proves who a person is, and what they may, changes with an entry in the audit log.
create or replace trigger _600_audit_password
  after update of password_hash on app_private.user_secrets
  for each row when (OLD.password_hash is distinct from NEW.password_hash)
  execute function app_hidden.tg__audit('password_changed', 'self');

create or replace trigger _600_audit_email
  after update of email on app_public.user_contacts
  for each row when (OLD.email is distinct from NEW.email)
  execute function app_hidden.tg__audit('email_changed', 'self');

create or replace trigger _600_audit_link
  after insert on app_private.identities
  for each row execute function app_hidden.tg__audit('identity_linked', 'self');

create or replace trigger _600_audit_unlink
  after delete on app_private.identities
  for each row execute function app_hidden.tg__audit('identity_removed');

create or replace trigger _600_audit_grant
  after insert on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_granted');

create or replace trigger _600_audit_revoke
  after delete on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_revoked');
