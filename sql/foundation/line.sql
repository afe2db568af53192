/*
 * Text that people write on one line, such as a name or a title. It travels: into subjects of
 * mails, logs, and pages that show it beside other text. So it has no control characters and no
 * line breaks, no characters that turn the direction of what stands behind it (marks of direction,
 * which Hebrew and Arabic need, turn nothing), and it is not blank to the eye. May be empty where
 * its column lets it.
 *
 * The constraint is made anew each time, so that a changed rule reaches databases that are there.
 */
do $$
begin
  create domain app_public.line as text;
exception
  when duplicate_object then null;
end
$$;

alter domain app_public.line drop constraint if exists line_is_one_line_of_plain_text;
alter domain app_public.line add constraint line_is_one_line_of_plain_text check (
  value !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]'
  and (
    value = ''
    or translate(value, E'\u00ad\u034f\u061c\u115f\u1160\u200b\u3164\ufeff', '')
      ~ '[^\s\u00a0\u2000-\u200f\u202f-\u2064\u3000]'
  )
);

comment on domain app_public.line is
  'One line of plain text: no line breaks, control characters or overrides of direction.';
