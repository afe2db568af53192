--! Previous: sha1:691e6f35e855f135fa29210d251f2a9e3a3b8a8b
--! Hash: sha1:02f23b2ff0e1414182447aece9d24f916b54451e
--! Message: let people say where they live

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +8 -1   identity/tables/users.sql
--   new     identity/policies/users.sql
-- (npm run db:commit wrote these lines.)

alter table app_public.users add column if not exists location app_public.line;
alter table app_public.users drop constraint if exists users_location_has_length;
alter table app_public.users add constraint users_location_has_length
  check (length(location) <= 100 and btrim(location) <> '') not valid;
--! Included identity/tables/users.sql
/*
 * What everybody may know of a person. What only they may know is in user_contacts, what nobody may
 * read is in app_private.user_secrets: a column that some readers may not see lives in another
 * table.
 */
create table if not exists app_public.users (
  id uuid not null default uuidv7() constraint users_pkey primary key,
  display_name app_public.line not null,
  avatar_url app_public.web_url,
  bio app_public.prose not null default '',
  languages text[] not null default '{}',
  host_since timestamptz,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),
  location app_public.line,

  constraint users_display_name_has_length
    check (length(display_name) <= 80 and btrim(display_name) <> ''),
  constraint users_bio_is_bounded check (length(bio) <= 5000),
  constraint users_languages_are_known check (
    case when array_ndims(languages) > 1 then false
      else cardinality(languages) <= 20 and array_position(languages, null) is null
        and app_hidden.are_language_tags(languages)
    end
  ),
  constraint users_location_has_length
    check (length(location) <= 100 and btrim(location) <> '')
);

alter table app_public.users enable row level security;
alter table app_public.users force row level security;

create or replace trigger _090_if_match
  before update on app_public.users
  for each row when (current_setting('staybase.if_match', true) <> '')
  execute function app_hidden.tg__if_match();

create or replace trigger _100_touch
  before update on app_public.users
  for each row execute function app_hidden.tg__touch();

create or replace trigger _600_created
  after insert on app_public.users
  for each row execute function app_hidden.tg__append_event('person.created', 'id');

create or replace trigger _600_updated
  after update on app_public.users
  for each row execute function app_hidden.tg__append_event('person.updated', 'id');

create or replace trigger _750_tell_change
  after update or delete on app_public.users
  for each row execute function app_hidden.tg__tell_change('user', 'id');

comment on table app_public.users is 'A person: guest, host, or both.';
comment on column app_public.users.id is 'Public id of the person.';
comment on column app_public.users.display_name is 'The name others see.';
comment on column app_public.users.avatar_url is 'A picture of the person.';
comment on column app_public.users.bio is 'What the person says about themselves.';
comment on column app_public.users.languages is 'Languages the person speaks, as BCP 47 tags.';
comment on column app_public.users.host_since is
  'When the person created their first listing; null for guests.';
comment on column app_public.users.created_at is 'Member since.';
comment on column app_public.users.location is
  'Where they live, as they say it, such as Lisbon, Portugal; null where they do not say.';
comment on column app_public.users.updated_at is 'When the profile last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint users_display_name_has_length on app_public.users is
  'INVALID_INPUT: A name has 1 to 80 characters.';
comment on constraint users_bio_is_bounded on app_public.users is
  'INVALID_INPUT: A bio has 5000 characters at most.';
comment on constraint users_location_has_length on app_public.users is
  'INVALID_INPUT: A location has 1 to 100 characters.';
comment on constraint users_languages_are_known on app_public.users is
  'INVALID_INPUT: Languages are at most 20 known codes, such as pt or pt-BR.';
--! EndIncluded identity/tables/users.sql
--! Included identity/policies/users.sql
select app_hidden.drop_policies('app_public.users');

-- A profile is public: guests choose hosts by it, hosts guests.
create policy select_all on app_public.users for select to :DATABASE_VISITOR using (true);
create policy update_self on app_public.users for update to :DATABASE_VISITOR
  using (id = (select app_public.current_user_id()));
-- No insert: register and confirm_registration create people with a verified address.
-- No delete: bookings and the ledger outlive an account.

grant select on app_public.users to :DATABASE_VISITOR;
grant update (display_name, avatar_url, bio, languages, location) on app_public.users
  to :DATABASE_VISITOR;
--! EndIncluded identity/policies/users.sql
