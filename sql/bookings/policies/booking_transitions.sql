select app_hidden.drop_policies('app_hidden.booking_transitions');
-- Read by functions only: no grant to anybody.
