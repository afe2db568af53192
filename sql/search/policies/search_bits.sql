select app_hidden.drop_policies('app_hidden.search_bits');
-- Read by functions only: no grant to anybody.
