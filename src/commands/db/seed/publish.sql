/*
 * Shows the listings, now that all is in place. Whatever lacks something is not shown, as for any
 * other host; the tests count that it is all of them.
 */
update app_public.listings l
set status = d.final_status::app_public.listing_status, published_at = l.created_at
from demo_listings d
where l.id = d.id and d.final_status <> 'draft'
  and app_hidden.missing_for_publication(l) = '{}';
