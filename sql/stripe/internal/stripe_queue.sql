/*
 * What is about one Stripe object is fetched and applied one after the other: of two jobs at once,
 * the slower could apply what it had fetched before the faster. The queues are few, and objects
 * share them: the worker keeps a row for every queue there ever was and looks at all of them.
 */
create or replace function app_hidden.stripe_queue(object_id text) returns text
language sql immutable
return 'stripe:' || (hashtextextended(object_id, 0) & 63);

comment on function app_hidden.stripe_queue(text) is 'The job queue of a Stripe object, one of 64.';
