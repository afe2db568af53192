/*
 * Time that decides something is read here, never in Node: one clock for all servers. It is the
 * start of the transaction, so that all decisions of one transaction agree. Tests and
 * `npm run clock` replace this function to travel in time; in production nothing does.
 */
create or replace function app_hidden.clock() returns timestamptz
language sql stable parallel safe
return now();

grant execute on function app_hidden.clock()
  to :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.clock() is 'The instant that decides: the start of the transaction.';
