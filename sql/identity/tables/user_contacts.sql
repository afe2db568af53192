create table if not exists app_public.user_contacts (
  user_id uuid not null
    constraint user_contacts_pkey primary key
    constraint user_contacts_user_id_fkey references app_public.users on delete cascade,
  email app_public.line not null,
  email_verified_at timestamptz,
  phone text,

  -- One account an address. Its violation tells that an account exists, so only functions of
  -- app_private that keep quiet about it write here.
  constraint user_contacts_email_key unique (email),
  constraint user_contacts_email_is_plausible
    check (email ~ '^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$' and length(email) <= 254),
  -- People write addresses in any case; one spelling makes the unique constraint mean it.
  constraint user_contacts_email_is_lower_case check (email = lower(email)),
  constraint user_contacts_phone_is_e164 check (phone ~ '^\+[1-9][0-9]{6,14}$')
);

alter table app_public.user_contacts enable row level security;
alter table app_public.user_contacts force row level security;

create or replace trigger _600_audit_email
  after update of email on app_public.user_contacts
  for each row when (OLD.email is distinct from NEW.email)
  execute function app_hidden.tg__audit('email_changed', 'self');

comment on table app_public.user_contacts is 'How to reach a person; visible to that person only.';
comment on column app_public.user_contacts.user_id is 'Whose contacts these are.';
comment on column app_public.user_contacts.email is 'E-mail address, in lower case.';
comment on column app_public.user_contacts.email_verified_at is
  'When the person proved that the address is theirs.';
comment on column app_public.user_contacts.phone is 'Telephone number in E.164 form.';

-- What a client is told: the code, and the sentence.
comment on constraint user_contacts_email_key on app_public.user_contacts is
  'INTERNAL: An address belongs to one person.';
comment on constraint user_contacts_email_is_plausible on app_public.user_contacts is
  'INVALID_INPUT: An e-mail address looks like name@example.com.';
comment on constraint user_contacts_email_is_lower_case on app_public.user_contacts is
  'INTERNAL: An address is kept in lower case.';
comment on constraint user_contacts_phone_is_e164 on app_public.user_contacts is
  'INVALID_INPUT: A phone number is + and 7 to 15 digits, such as +351912345678.';
