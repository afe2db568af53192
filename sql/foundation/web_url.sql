-- A link that a client will load: https, no spaces or quotes, bounded.
do $$
begin
  create domain app_public.web_url as text
    constraint web_url_is_https check (value ~ '^https://[^\s"''<>]+$' and length(value) <= 2048);
exception
  when duplicate_object then null;
end
$$;

comment on constraint web_url_is_https on domain app_public.web_url is
  'INVALID_INPUT: Write a URL that begins with https:// and has 2048 characters at most.';

comment on domain app_public.web_url is 'An absolute https URL of at most 2048 characters.';
