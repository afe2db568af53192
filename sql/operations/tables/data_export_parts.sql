-- A megabyte each, so that no download has to hold a large document in memory.
create table if not exists app_private.data_export_parts (
  export_id uuid not null
    constraint data_export_parts_export_id_fkey
      references app_private.data_exports on delete cascade,
  position integer not null,
  content bytea not null,

  constraint data_export_parts_pkey primary key (export_id, position)
);

alter table app_private.data_export_parts enable row level security;
alter table app_private.data_export_parts force row level security;

comment on table app_private.data_export_parts is
  'The documents of people who asked for their data.';
comment on column app_private.data_export_parts.export_id is 'Of which document.';
comment on column app_private.data_export_parts.position is 'Order in the document, from 0.';
comment on column app_private.data_export_parts.content is 'Bytes of JSON in UTF-8.';
