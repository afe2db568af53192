-- finds: lo_create(oid)
reset role;
grant execute on function pg_catalog.lo_create(oid) to :DATABASE_VISITOR;
