--! Previous: sha1:d3ed7d79b3502ff3926da82d78551a8474fd28c1
--! Hash: sha1:414b42f8e9c504343e634d9825cdb6a8834390f3
--! Message: give one mailbox one spelling of its address

--! split: 1-current.sql
/*
 * One mailbox is one address from now on: rows get the spelling that the server stores since this
 * release, the domain in ASCII (RFC 3492) and nothing that nobody sees. Of several accounts with
 * one mailbox the one that has this spelling keeps it, or else the oldest gets it. The others keep
 * theirs, with which nobody can log in any more, and are named in a warning: the operator decides
 * what becomes of them.
 */
create function pg_temp.punycode(label text) returns text
language plpgsql immutable
as $$
declare
  c_points constant integer[] := array(
    select ascii(each) from regexp_split_to_table(label, '') with ordinality t (each, place)
    order by place
  );
  v_out text := '';
  v_n integer := 128;
  v_delta integer := 0;
  v_bias integer := 72;
  v_handled integer;
  v_basic integer;
  v_next integer;
  v_q integer;
  v_k integer;
  v_t integer;
  v_digit integer;
  v_point integer;
begin
  if label !~ '[^\x01-\x7f]' then return label; end if;
  foreach v_point in array c_points loop
    if v_point < 128 then v_out := v_out || chr(v_point); end if;
  end loop;
  v_basic := length(v_out);
  v_handled := v_basic;
  if v_basic > 0 then v_out := v_out || '-'; end if;
  while v_handled < cardinality(c_points) loop
    select min(p) into v_next from unnest(c_points) p where p >= v_n;
    v_delta := v_delta + (v_next - v_n) * (v_handled + 1);
    v_n := v_next;
    foreach v_point in array c_points loop
      if v_point < v_n then v_delta := v_delta + 1; end if;
      continue when v_point <> v_n;
      v_q := v_delta;
      v_k := 36;
      loop
        v_t := least(greatest(v_k - v_bias, 1), 26);
        exit when v_q < v_t;
        v_digit := v_t + (v_q - v_t) % (36 - v_t);
        v_out := v_out || substr('abcdefghijklmnopqrstuvwxyz0123456789', v_digit + 1, 1);
        v_q := (v_q - v_t) / (36 - v_t);
        v_k := v_k + 36;
      end loop;
      v_out := v_out || substr('abcdefghijklmnopqrstuvwxyz0123456789', v_q + 1, 1);
      v_delta := case when v_handled = v_basic then v_delta / 700 else v_delta / 2 end;
      v_handled := v_handled + 1;
      v_delta := v_delta + v_delta / v_handled;
      v_k := 0;
      while v_delta > 455 loop
        v_delta := v_delta / 35;
        v_k := v_k + 36;
      end loop;
      v_bias := v_k + 36 * v_delta / (v_delta + 38);
      v_delta := 0;
    end loop;
    v_delta := v_delta + 1;
    v_n := v_n + 1;
  end loop;
  return 'xn--' || v_out;
end
$$;

create function pg_temp.one_spelling(email text) returns text
language sql immutable
return (
  select split_part(plain, '@', 1) || '@' || (
    select string_agg(pg_temp.punycode(label), '.' order by place)
    from string_to_table(replace(split_part(plain, '@', 2), U&'\3002', '.'), '.')
      with ordinality t (label, place)
  )
  from (
    select lower(normalize(regexp_replace(
      email,
      '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e'
        '\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]',
      '', 'g'
    ), nfkc)) as plain
  ) spelled
);

-- Nothing but ASCII is in its one spelling already.
create temporary table odd_addresses on commit drop as
select c.user_id, pg_temp.one_spelling(c.email) as email from app_public.user_contacts c
where c.email ~ '[^\x01-\x7f]';

update app_public.user_contacts c set email = o.email
from (select distinct on (email) email, user_id from odd_addresses order by email, user_id) o
where c.user_id = o.user_id
  and not exists (select from app_public.user_contacts x where x.email = o.email);

do $$
declare
  v_row record;
begin
  for v_row in
    select o.user_id, other.user_id as other_id from odd_addresses o
    join app_public.user_contacts other on other.email = o.email and other.user_id <> o.user_id
  loop
    raise warning 'The accounts % and % have one mailbox; nobody can log in to the first one.',
      v_row.user_id, v_row.other_id;
  end loop;
end
$$;

update app_private.registrations r set email = pg_temp.one_spelling(r.email)
where r.email ~ '[^\x01-\x7f]';
