select app_hidden.drop_policies('app_hidden.search_cells');
-- Read through search_listings() only.
