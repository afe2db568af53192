/*
 * Text that people write on several lines, such as a description: as app_public.line, with tabs and
 * line breaks.
 */
do $$
begin
  create domain app_public.prose as text;
exception
  when duplicate_object then null;
end
$$;

alter domain app_public.prose drop constraint if exists prose_is_plain_text;
alter domain app_public.prose add constraint prose_is_plain_text check (
  value !~ '[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]'
  and value !~ '[\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]'
);

comment on domain app_public.prose is
  'Plain text of any number of lines: no other control characters, no overrides of direction.';
