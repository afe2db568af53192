/*
 * The operator, sixty hosts (five a city) and eighty guests. All have the one password, whose hash
 * comes as a setting: hashing it for each of them would take longer than all the rest.
 */
create temporary table demo_people on commit drop as
select
  pg_temp.demo_id('person', p.number) as id,
  p.number,
  p.role,
  p.number_in_role,
  case
    when p.number_in_role = 1 then p.role || '@staybase.example'
    else p.role || lpad(p.number_in_role::text, 2, '0') || '@staybase.example'
  end as email,
  case p.role
    when 'operator' then 'Staybase Support'
    else pg_temp.pick('first name ' || p.number, array[
      'Ada', 'Aiko', 'Alma', 'Amir', 'Ana', 'Ben', 'Bilal', 'Clara', 'Daniel', 'Dina', 'Elif',
      'Emil',
      'Farah', 'Freja', 'Gabriel', 'Grace', 'Hana', 'Hugo', 'Ines', 'Isla', 'Ivan', 'Jonas', 'Juan',
      'Kaito', 'Karim', 'Lena', 'Liam', 'Lucia', 'Malia', 'Marta', 'Mateo', 'Mei', 'Nadia', 'Nils',
      'Noor', 'Olga', 'Omar', 'Paula', 'Pedro', 'Rania', 'Rosa', 'Sami', 'Sofia', 'Tariq', 'Teresa',
      'Thabo', 'Vera', 'Yuki', 'Zola'
    ]) || ' ' || pg_temp.pick('last name ' || p.number, array[
      'A.', 'B.', 'C.', 'D.', 'F.', 'G.', 'H.', 'J.', 'K.', 'L.', 'M.', 'N.', 'O.', 'P.', 'R.',
      'S.', 'T.', 'W.'
    ])
  end as display_name,
  app_hidden.clock()
    - make_interval(days => 400 + pg_temp.roll('joined ' || p.number, 900)) as joined_at
from (
  select 1 as number, 'operator' as role, 1 as number_in_role
  union all
  select 100 + n, 'host', n from generate_series(1, 60) n
  union all
  select 200 + n, 'guest', n from generate_series(1, 80) n
) p;

insert into app_public.users
  (id, display_name, bio, languages, location, avatar_url, host_since, created_at)
select
  p.id,
  p.display_name,
  case p.role
    when 'host' then pg_temp.pick('bio ' || p.number, array[
      'I was born in this city and like to show it. Ask me where to eat.',
      'Two homes, one garden and a very calm dog. I answer within the hour.',
      'We restored these rooms ourselves over five winters.',
      'I teach music and host on the side. Quiet guests will feel at home.',
      'Host since my children moved out. Fresh bread on Sundays.'
    ])
    when 'guest' then pg_temp.pick('bio ' || p.number, array[
      'Travels by train wherever there is one.', 'Here for museums and long breakfasts.',
      'Works from anywhere with a desk.', 'Two adults and a curious child.', ''
    ])
    else 'We answer questions and settle disputes.'
  end,
  array['en', pg_temp.pick('language ' || p.number, array['fr', 'pt', 'es', 'da', 'ar', 'ja'])],
  -- A host lives where they host; not everybody says it.
  case
    when p.role = 'host' then (
      select c.city from demo_cities c
      where c.number = (p.number_in_role - 1) % 12 + 1
    )
    when p.role = 'guest' and p.number_in_role % 3 > 0 then
      pg_temp.pick('home ' || p.number, array[
        'Lyon, France', 'Porto, Portugal', 'Malmö, Sweden', 'Osaka, Japan', 'Toronto, Canada'
      ])
  end,
  'https://picsum.photos/seed/staybase-person-' || p.number || '/200/200',
  case p.role when 'host' then p.joined_at end,
  p.joined_at
from demo_people p
order by p.number;

insert into app_public.user_contacts (user_id, email, email_verified_at)
select p.id, p.email, p.joined_at from demo_people p order by p.number;

insert into app_private.user_secrets (user_id, password_hash)
select p.id, current_setting('staybase.demo_password_hash') from demo_people p order by p.number;

insert into app_private.operators (user_id)
select p.id from demo_people p where p.role = 'operator';
