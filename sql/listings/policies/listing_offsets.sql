select app_hidden.drop_policies('app_private.listing_offsets');
