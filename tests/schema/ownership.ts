/**
 * Says whose each row is, for every relation that some client may touch. The privileges matrix
 * takes from it whether a row is an actor's own, a counterpart's or a stranger's.
 */

/** All expressions are SQL over the row `t`. */
export interface Ownership {
  /** The id of the user whose row it is; null where it is nobody's. */
  readonly owner: string;
  /** The column that holds that id, where the row has one. */
  readonly column?: string;
  /** A word that tells rows of one owner apart, such as the state of the listing. */
  readonly variant?: string;
}

const LISTING = "from app_public.listings l where l.id = t.listing_id";
const BY_LISTING: Ownership = {
  owner: `(select l.host_id ${LISTING})`,
  variant: `(select split_part(l.title, ' ', 1) ${LISTING})`,
};
const BY_BOOKING = "(select b.guest_id from app_public.bookings b where b.id = t.booking_id)";
const COMMON: Ownership = { owner: "null" };

/** By relation. The listing's title in the fixture begins with what is special about it. */
export const OWNERSHIP: Readonly<Record<string, Ownership>> = {
  "app_public.amenities": COMMON,
  "app_public.currencies": COMMON,
  "app_public.users": { owner: "t.id", column: "id" },
  "app_public.user_contacts": { owner: "t.user_id", column: "user_id" },
  "app_public.suspensions": { owner: "t.user_id", column: "user_id" },
  "app_public.audit_entries": { owner: "t.user_id", column: "user_id" },
  "app_public.listings": {
    owner: "t.host_id",
    column: "host_id",
    variant: "split_part(t.title, ' ', 1)",
  },
  "app_public.listing_addresses": BY_LISTING,
  "app_public.listing_amenities": BY_LISTING,
  "app_public.listing_photos": BY_LISTING,
  "app_public.listing_rates": BY_LISTING,
  "app_public.dated_rates": BY_LISTING,
  "app_public.calendar_claims": {
    owner: BY_LISTING.owner,
    variant: "case when t.kind = 'block' then 'block' else 'stay' end",
  },
  "app_public.quotes": {
    owner: "t.guest_id",
    column: "guest_id",
    variant: `case when exists (select from app_public.bookings b where b.quote_id = t.id)
      then 'booked' else 'open' end`,
  },
  "app_public.quote_line_items": {
    owner: "(select q.guest_id from app_public.quotes q where q.id = t.quote_id)",
    variant: `case when exists (select from app_public.bookings b where b.quote_id = t.quote_id)
      then 'booked' else 'open' end`,
  },
  "app_public.bookings": { owner: "t.guest_id", column: "guest_id", variant: "t.status::text" },
  "app_public.booking_events": { owner: BY_BOOKING },
  "app_public.cancellation_tiers": COMMON,
  "app_public.cancellations": { owner: BY_BOOKING },
  "app_public.cancellation_line_items": { owner: BY_BOOKING },
  "app_public.payments": { owner: BY_BOOKING },
  "app_public.alterations": { owner: BY_BOOKING },
  "app_public.refunds": {
    owner: `(select b.guest_id from app_public.payments p
      join app_public.bookings b on b.id = p.booking_id where p.id = t.payment_id)`,
  },
  "app_public.unknown_charges": { owner: BY_BOOKING },
  "app_public.ledger_accounts": { owner: "t.user_id", column: "user_id" },
  "app_public.ledger_entries": {
    owner: "(select a.user_id from app_public.ledger_accounts a where a.id = t.account_id)",
  },
  "app_public.ledger_transactions": {
    // What has no host in it is the operator's alone.
    owner: `coalesce((select a.user_id from app_public.ledger_entries e
      join app_public.ledger_accounts a on a.id = e.account_id
      where e.transaction_id = t.id and a.user_id is not null), uuidv7())`,
  },
  "app_public.reviews": {
    owner: "t.author_id",
    column: "author_id",
    variant: "case when t.published_at is null then 'unpublished' else 'published' end",
  },
};
