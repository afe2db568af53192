do $$
begin
  create type app_public.session as (
    id uuid,
    device text,
    created_at timestamptz,
    last_used_at timestamptz,
    is_current boolean
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.session is 'Where a person is signed in.';
comment on column app_public.session.id is 'Public id of the session.';
comment on column app_public.session.device is 'What the browser or app said of itself.';
comment on column app_public.session.created_at is 'When the person signed in.';
comment on column app_public.session.last_used_at is
  'When it last got a new access token, which it does every quarter of an hour while it is used.';
comment on column app_public.session.is_current is 'Whether this request comes from it.';
