--! Previous: sha1:2ba18c10f8676ad70cdf1499c44aa5f215100cc0
--! Hash: sha1:7e50756039e4f71be97665e0300c03b4c7b09750
--! Message: one type for a line and one for prose

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     foundation/line.sql
--   new     foundation/prose.sql
--   new     publishing/triggers/tg_listings__stay_complete.sql
--   new     foundation/is_country_code.sql
--   new     foundation/are_language_tags.sql
-- (npm run db:commit wrote these lines.)

-- First the types without their rules: a column changes to them without being written anew.
do $$ begin create domain app_public.line as text; exception when duplicate_object then null; end $$;
do $$ begin create domain app_public.prose as text; exception when duplicate_object then null; end $$;

drop trigger if exists _200_stay_complete on app_public.listings;
alter table app_public.users
  alter column display_name type app_public.line, alter column bio type app_public.prose;
alter table app_private.registrations
  alter column display_name type app_public.line, alter column email type app_public.line;
alter table app_public.user_contacts alter column email type app_public.line;
alter table app_public.listings
  alter column title type app_public.line, alter column description type app_public.prose,
  alter column house_rules type app_public.prose, alter column region type app_public.line,
  alter column city type app_public.line;
alter table app_public.listing_addresses
  alter column street type app_public.line, alter column postal_code type app_public.line,
  alter column directions type app_public.prose;
alter table app_public.listing_photos alter column caption type app_public.line;
alter table app_public.calendar_claims alter column note type app_public.prose;
alter table app_public.bookings alter column idempotency_key type app_public.line;
alter table app_public.reviews alter column comment type app_public.prose;

-- Then what is there is cleaned by the rules.
create or replace function pg_temp.plain_prose(value text) returns text language sql immutable as $$
  select regexp_replace(regexp_replace(value, E'\r\n?|\u0085', E'\n', 'g'),
    '[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]',
    '', 'g')
$$;
create or replace function pg_temp.plain_line(value text, if_blank text default '') returns text
language sql immutable as $$
  select case
    when value = '' then ''
    when translate(line, E'\u00ad\u034f\u061c\u115f\u1160\u200b\u3164\ufeff', '')
      ~ '[^\s\u00a0\u2000-\u200f\u202f-\u2064\u3000]' then line
    else if_blank
  end
  from (
    select btrim(pg_temp.plain_prose(regexp_replace(value, '[\t\n\r\u0085\u2028\u2029]+', ' ', 'g')))
      as line
  ) cleaned
$$;

update app_public.users
set display_name = pg_temp.plain_line(display_name, 'Somebody'), bio = pg_temp.plain_prose(bio)
where (display_name, bio) is distinct from
  (pg_temp.plain_line(display_name, 'Somebody'), pg_temp.plain_prose(bio));
update app_private.registrations set display_name = pg_temp.plain_line(display_name, 'Somebody')
where display_name <> pg_temp.plain_line(display_name, 'Somebody');
-- An address with control characters reaches nobody.
delete from app_private.registrations where email <> pg_temp.plain_line(email);
update app_public.listings
set title = pg_temp.plain_line(title, 'A place to stay'),
  description = pg_temp.plain_prose(description), house_rules = pg_temp.plain_prose(house_rules),
  region = pg_temp.plain_line(region), city = pg_temp.plain_line(city, '-')
where (title, description, house_rules, region, city) is distinct from (
  pg_temp.plain_line(title, 'A place to stay'), pg_temp.plain_prose(description),
  pg_temp.plain_prose(house_rules), pg_temp.plain_line(region), pg_temp.plain_line(city, '-')
);
update app_public.listing_addresses
set street = pg_temp.plain_line(street, '-'), postal_code = pg_temp.plain_line(postal_code),
  directions = pg_temp.plain_prose(directions)
where (street, postal_code, directions) is distinct from (
  pg_temp.plain_line(street, '-'), pg_temp.plain_line(postal_code),
  pg_temp.plain_prose(directions)
);
update app_public.listing_photos set caption = pg_temp.plain_line(caption)
where caption <> pg_temp.plain_line(caption);
update app_public.calendar_claims set note = pg_temp.plain_prose(note)
where note <> pg_temp.plain_prose(note);
update app_public.reviews set comment = coalesce(nullif(pg_temp.plain_prose(comment), ''), '-')
where comment <> pg_temp.plain_prose(comment);
-- Keys are compared, so a clean one must stay another's equal in nothing.
update app_public.bookings set idempotency_key = id::text
where idempotency_key <> pg_temp.plain_line(idempotency_key);
--! Included foundation/line.sql
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
--! EndIncluded foundation/line.sql
--! Included foundation/prose.sql
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
--! EndIncluded foundation/prose.sql
--! Included publishing/triggers/tg_listings__stay_complete.sql
/*
 * What guests see stays complete: an edit of a published listing may not take away what publishing
 * asked for. What it lacked before (an imported listing has no rules) it may go on lacking.
 */
create or replace function app_hidden.tg_listings__stay_complete() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_missing text[] := app_hidden.missing_for_publication(NEW);
begin
  if not v_missing <@ app_hidden.missing_for_publication(OLD) then
    raise exception 'A published listing keeps what it needs: % would be missing. Pause it first.',
      array_to_string(v_missing, ', ')
      using errcode = 'SBL02', detail = to_jsonb(v_missing)::text;
  end if;
  return NEW;
end
$$;

create or replace trigger _200_stay_complete
  before update of title, description, house_rules on app_public.listings
  for each row when (OLD.status = 'published' and NEW.status = 'published')
  execute function app_hidden.tg_listings__stay_complete();

comment on function app_hidden.tg_listings__stay_complete() is
  'Refuses edits that would leave a published listing incomplete.';
--! EndIncluded publishing/triggers/tg_listings__stay_complete.sql

--! Included foundation/is_country_code.sql
/*
 * The officially assigned codes of ISO 3166-1, and XK: Kosovo has no other, and its time zone and
 * currency are in use.
 */
create or replace function app_hidden.is_country_code(code text) returns boolean
language sql immutable parallel safe
return code = any (string_to_array(
  'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO'
  ' BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ'
  ' DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP'
  ' GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG'
  ' KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML'
  ' MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE'
  ' PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL'
  ' SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM'
  ' US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW',
  ' '
));

grant execute on function app_hidden.is_country_code(text) to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.is_country_code(text) is
  'Whether two capital letters are a country of ISO 3166-1.';
--! EndIncluded foundation/is_country_code.sql
--! Included foundation/are_language_tags.sql
/*
 * Tags of BCP 47 as people choose them: a language, then perhaps a script, then perhaps a country
 * or a region by its number, such as pt, zh-Hant or es-419. The languages are those that the CLDR
 * of Unicode names; letters may be of either case, for tags have none.
 */
create or replace function app_hidden.are_language_tags(tags text[]) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(bool_and(
    tag ~* '^[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?$'
    and (tag !~* '-[a-z]{2}$' or app_hidden.is_country_code(upper(right(tag, 2))))
    and lower(split_part(tag, '-', 1)) = any (string_to_array(
      'aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu'
      ' cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi'
      ' ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks'
      ' ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl'
      ' nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl'
      ' sm sn so sq sr ss st su sv sw ta te tg th ti tk tn to tr ts tt tw ty ug uk ur uz ve vi'
      ' vo wa wo xh yi yo za zh zu ace ach ada ady aeb afh agq ain akk akz ale aln alt ang ann'
      ' anp arc arn aro arp arq ars arw ary arz asa ase ast atj avk awa bal ban bar bas bax bbc'
      ' bbj bej bem bew bez bfd bfq bgc bgn bho bik bin bjn bkm bla blo blt bpy bqi bra brh brx'
      ' bss bua bug bum byn byv cad car cay cch ccp ceb cgg chb chg chk chm chn cho chp chr chy'
      ' cic ckb clc cop cps crg crh crj crk crl crm crr crs csb csw dak dar dav del den dgr din'
      ' dje doi dsb dtp dua dum dyo dyu dzg ebu efi egl egy eka elx enm esu ewo ext fan fil fit'
      ' fon frc frm fro frp frr frs fur gaa gag gan gay gba gbz gez gil glk gmh goh gon gor got'
      ' grb grc gsw guc gur guz gwi hai hak haw hax hif hil hit hmn hnj hsb hsn hup hur iba ibb'
      ' ikt ilo inh izh jam jbo jgo jmc jpr jrb jut kaa kab kac kaj kam kaw kbd kbl kcg kde kea'
      ' kek ken kfo kgp kha kho khq khw kiu kkj kln kmb koi kok kos kpe krc kri krj krl kru ksb'
      ' ksf ksh kum kut kwk kxv lad lag lah lam lez lfn lij lil liv lkt lmo lol lou loz lrc lsm'
      ' ltg lua lui lun luo lus luy lzh lzz mad maf mag mai mak man mas mde mdf mdr men mer mfe'
      ' mga mgh mgo mic min mnc mni moe moh mos mrj mua mus mwl mwr mwv mye myv mzn nan nap naq'
      ' nds new nia niu njo nmg nnh nog non nov nqo nso nus nwc nym nyn nyo nzi ojb ojc ojs ojw'
      ' oka osa ota pag pal pam pap pau pcd pcm pdc pdt peo pfl phn pis pms pnt pon pqm prg pro'
      ' quc qug raj rap rar rgn rhg rif rof rom rtm rue rug rup rwk sad sah sam saq sas sat saz'
      ' sba sbp scn sco sdc sdh see seh sei sel ses sga sgs shi shn shu sid slh sli sly sma smj'
      ' smn sms snk sog srn srr ssy stq str suk sus sux swb syc syr szl tce tcy tem teo ter tet'
      ' tgx tht tig tiv tkl tkr tlh tli tly tmh tog tok tpi tru trv trw tsd tsi ttm ttt tum tvl'
      ' twq tyv tzm udm uga umb vai vec vep vls vmf vmw vot vro vun wae wal war was wbp wuu xal'
      ' xmf xnr xog yao yap yav ybb yrl yue zap zbl zea zen zgh zun zza',
      ' '
    ))
  ), true)
  from unnest(tags) tag
$$;

grant execute on function app_hidden.are_language_tags(text[])
  to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.are_language_tags(text[]) is
  'Whether all of some texts are languages of BCP 47, such as de or pt-BR.';
--! EndIncluded foundation/are_language_tags.sql
update app_public.users u
set languages = coalesce((
  select array_agg(tag order by place)
  from unnest(u.languages) with ordinality t (tag, place)
  where app_hidden.are_language_tags(array[tag])
), '{}')
where not app_hidden.are_language_tags(u.languages);
alter table app_public.users drop constraint if exists users_languages_are_bounded;
alter table app_public.users drop constraint if exists users_languages_are_known;
alter table app_public.users add constraint users_languages_are_known check (
  case when array_ndims(languages) > 1 then false
    else cardinality(languages) <= 20 and array_position(languages, null) is null
      and app_hidden.are_language_tags(languages)
  end
);
-- What people write for these; any other unknown code ends the migration, for nobody but its host
-- or the operator knows where the listing is.
update app_public.listings set country_code = case country_code when 'UK' then 'GB' else 'GR' end
where country_code in ('UK', 'EL');
do $$
declare
  v_listings text := (
    select string_agg(l.id || ' ' || l.country_code, ', ') from app_public.listings l
    where not app_hidden.is_country_code(l.country_code)
  );
begin
  if v_listings is not null then
    raise exception 'These listings are in no country of ISO 3166-1: %.', v_listings
      using hint = 'Correct country_code, and migrate again.';
  end if;
end
$$;
alter table app_public.listings drop constraint if exists listings_country_code_is_iso_3166;
alter table app_public.listings add constraint listings_country_code_is_iso_3166
  check (app_hidden.is_country_code(country_code));
