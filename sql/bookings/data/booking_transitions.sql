insert into app_hidden.booking_transitions (from_status, to_status, actor, deadline)
values
  ('pending_payment', 'confirmed', 'system', 'none'),
  ('pending_payment', 'requested', 'system', 'none'),
  ('pending_payment', 'expired', 'system', 'after_hold'),
  ('pending_payment', 'cancelled', 'guest', 'none'),
  -- The system cancels a request that leaves its host no time to answer, and what of another amount
  -- was taken, or unasked.
  ('pending_payment', 'cancelled', 'system', 'none'),
  ('pending_payment', 'cancelled', 'operator', 'none'),
  ('requested', 'accepted', 'host', 'before_answer_due'),
  ('requested', 'declined', 'host', 'before_answer_due'),
  ('requested', 'expired', 'system', 'none'),
  ('requested', 'cancelled', 'guest', 'none'),
  ('requested', 'cancelled', 'operator', 'none'),
  ('requested', 'cancelled', 'system', 'none'),
  ('accepted', 'confirmed', 'system', 'none'),
  ('accepted', 'expired', 'system', 'none'),
  ('accepted', 'cancelled', 'system', 'none'),
  -- Money came after the hold had expired, and the nights could be taken again.
  ('expired', 'confirmed', 'system', 'until_check_in'),
  ('confirmed', 'cancelled', 'guest', 'before_check_out'),
  ('confirmed', 'cancelled', 'host', 'before_check_out'),
  ('confirmed', 'cancelled', 'operator', 'none'),
  ('confirmed', 'completed', 'system', 'after_check_out')
on conflict (from_status, to_status, actor) do update set deadline = excluded.deadline;
