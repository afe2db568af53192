do $$
begin
  create type app_private.one_time_purpose as enum ('reset_password', 'change_email');
exception
  when duplicate_object then null;
end
$$;

comment on type app_private.one_time_purpose is 'What a mailed link may be used for.';
