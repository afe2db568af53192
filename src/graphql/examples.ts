/**
 * What GraphiQL shows in development: the story of a stay, from search to the host's ledger, one
 * operation after the other. A test validates them against the schema.
 */

/** The documents, with a stay of three nights that begins 30 days after `today`. */
export function examples(today: Date): string {
  const day = (offset: number): string =>
    new Date(today.getTime() + offset * 86_400_000).toISOString().slice(0, 10);
  return STORY.replaceAll("CHECK_IN", day(30)).replaceAll("CHECK_OUT", day(33));
}

const STORY = `# The story of a stay. Run the operations one after the other: choose one
# at the run button. For those that need somebody: log in by POST /v1/auth/login, and put the
# access token below, under Headers:   { "Authorization": "Bearer ..." }

# 1. What is there? Boxes are degrees; with dates, only what can be booked, with exact totals.
query Search {
  searchListings(
    west: -10, south: 38, east: -8, north: 40
    checkIn: "CHECK_IN", checkOut: "CHECK_OUT", guests: 2, pageSize: 5
  ) {
    nodes {
      currency
      totalAmount
      listing { id title averageRating reviewCount photos(first: 1) { url } }
    }
    pageInfo { hasNextPage endCursor }
  }
}

# 2. Any published listings, without a place.
query Browse {
  listings(first: 5) {
    totalCount
    nodes { id title city maxGuests rates { currency nightlyAmount } }
    pageInfo { hasNextPage endCursor }
  }
}

# 3. Everything about one of them: put its id under Variables, { "id": "..." }.
query Listing($id: UUID!) {
  listing(id: $id) {
    title
    description
    host { displayName hostSince }
    photos { url caption }
    amenities { amenity { name category } }
    takenNights(fromDate: "CHECK_IN", toDate: "CHECK_OUT")
    reviews(first: 3) { totalCount nodes { rating comment author { displayName } } }
  }
}

# 4. What would it cost, and can it be booked? Nothing is stored.
query Price($id: UUID!) {
  bookability(listingId: $id, checkIn: "CHECK_IN", checkOut: "CHECK_OUT", guests: 2) {
    code
    rule
  }
  stayPrice(listingId: $id, checkIn: "CHECK_IN", checkOut: "CHECK_OUT", guests: 2) {
    currency
    totalAmount
    lineItems { code rule unitAmount quantity amount payer payee }
  }
}

# 5. As a guest: an offer that stands for 30 minutes ...
mutation Quote($id: UUID!) {
  createQuote(
    input: { listingId: $id, checkIn: "CHECK_IN", checkOut: "CHECK_OUT", guests: 2 }
  ) {
    quote { id expiresAt currency totalAmount lineItems { code amount } }
  }
}

# 6. ... booked as it stands. Choose a new key for each booking: the same key again returns the
# same booking. The nights are held for 15 minutes; POST /v1/bookings/{id}/payment pays.
mutation Book($quoteId: UUID!) {
  createBooking(input: { quoteId: $quoteId, idempotencyKey: "graphiql-first-booking" }) {
    booking { id status holdExpiresAt totalAmount currency }
  }
}

# 7. As the host (in Lisbon that is host@staybase.example): who comes, and what it earns.
query MyBookingsAsHost {
  me {
    displayName
    bookingsAsHost(first: 10, orderBy: ID_DESC) {
      totalCount
      nodes {
        status
        checkIn
        checkOut
        hostAmount
        currency
        listing { title }
        guest { displayName }
        events { toStatus actor createdAt }
      }
      groupedAggregates(groupBy: [CURRENCY, STATUS]) { keys sum { hostAmount } }
    }
  }
}

# 8. As the host: the ledger. A credit is negative: what the platform owes is below zero.
query Ledger {
  ledgerAccounts {
    nodes {
      kind
      currency
      entries(first: 20) {
        groupedAggregates(groupBy: [CURRENCY]) { keys sum { amount } }
        nodes { amount transaction { kind createdAt booking { id checkIn } } }
      }
    }
  }
}
`;
