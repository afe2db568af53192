insert into app_hidden.booking_transitions (from_status, to_status, actor, deadline)
values
  ('pending_payment', 'confirmed', 'system', 'none'),
  ('pending_payment', 'requested', 'system', 'none'),
  ('pending_payment', 'expired', 'system', 'after_hold'),
  ('pending_payment', 'cancelled', 'guest', 'none'),
  ('pending_payment', 'cancelled', 'operator', 'none'),
  ('requested', 'confirmed', 'host', 'before_check_out'),
  ('requested', 'declined', 'host', 'none'),
  ('requested', 'expired', 'system', 'none'),
  ('requested', 'cancelled', 'guest', 'none'),
  ('requested', 'cancelled', 'operator', 'none'),
  -- Money came after the hold had expired, and the nights could be taken again.
  ('expired', 'confirmed', 'system', 'until_check_in'),
  ('confirmed', 'cancelled', 'guest', 'before_check_out'),
  ('confirmed', 'cancelled', 'host', 'before_check_out'),
  ('confirmed', 'cancelled', 'operator', 'none'),
  ('confirmed', 'completed', 'system', 'after_check_out')
on conflict (from_status, to_status, actor) do update set deadline = excluded.deadline;
