-- How far each reader of the outbox has come. Set a number back to have events read again.
create table if not exists app_private.event_readers (
  name text constraint event_readers_pkey primary key,
  last_sequence bigint not null default 0
);

alter table app_private.event_readers enable row level security;
alter table app_private.event_readers force row level security;

comment on table app_private.event_readers is 'Who reads the outbox, and how far they have come.';
comment on column app_private.event_readers.last_sequence is 'The last event that was read.';

select app_hidden.drop_policies('app_private.event_readers');
