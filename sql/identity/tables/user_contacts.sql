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

comment on table app_public.user_contacts is 'How to reach a person; visible to that person only.';
comment on column app_public.user_contacts.user_id is 'Whose contacts these are.';
comment on column app_public.user_contacts.email is 'E-mail address, in lower case.';
comment on column app_public.user_contacts.email_verified_at is
  'When the person proved that the address is theirs.';
comment on column app_public.user_contacts.phone is 'Telephone number in E.164 form.';
