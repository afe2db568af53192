/*
 * Reads the outbox and owes the mails that its events ask for. Each event has a savepoint of its
 * own: one that fails is reported as a warning and passed over, and the others go on. To read it
 * again, set the reader's last_sequence back: whoever was told already is not told again. Returns
 * how many events were read; call it until that is 0.
 */
create or replace function app_private.queue_mails() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event app_private.events;
  v_read integer := 0;
begin
  for v_event in select * from app_hidden.read_events('mails') loop
    v_read := v_read + 1;
    begin
      perform app_hidden.queue_mail(v_event.id, m.kind, m.user_id, m.booking_id)
      from app_hidden.mails_of_event(v_event.type, v_event.subject) m;
    exception
      when others then
        raise warning 'The mails of event % were not queued: %.', v_event.sequence, sqlstate;
    end;
  end loop;
  return v_read;
end
$$;

grant execute on function app_private.queue_mails() to :DATABASE_AUTHENTICATOR;

comment on function app_private.queue_mails() is
  'Owes the mails that new events ask for; says how many events were read.';
