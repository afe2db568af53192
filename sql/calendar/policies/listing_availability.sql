select app_hidden.drop_policies('app_hidden.listing_availability');
-- Read through functions only.
