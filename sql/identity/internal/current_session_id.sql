create or replace function app_hidden.current_session_id() returns uuid
language sql stable parallel safe
return nullif(current_setting('staybase.session_id', true), '')::uuid;

grant execute on function app_hidden.current_session_id()
  to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.current_session_id() is
  'The session from which somebody asks, or null.';
