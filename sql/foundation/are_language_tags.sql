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
