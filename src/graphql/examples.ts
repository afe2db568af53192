/**
 * What GraphiQL shows in development: the story of a stay, from search to the host's ledger and a
 * review, one operation a tab. A value that an answer gives under the name of a variable (by an
 * alias) fills it in the tabs behind. A test validates them against the schema.
 */

/** The documents in their order, with a stay of three nights that begins 30 days after `today`. */
export function story(today: Date): string[] {
  const day = (offset: number): string =>
    new Date(today.getTime() + offset * 86_400_000).toISOString().slice(0, 10);
  return STORY.map((text) => text.replaceAll("CHECK_IN", day(30)).replaceAll("CHECK_OUT", day(33)));
}

/** How wide a line may be: half of a screen of 1280 pixels. */
export const STORY_COLUMNS = 56;

const STORY = [
  `# 1. The story of a stay: run one tab after the other.
# Ids of an answer fill the variables of later tabs.
#
# What is there? The box is in degrees. With dates, a
# search gives only what can be booked, with the exact
# total.
query Search {
  searchListings(
    west: -9.3, south: 38.6, east: -9, north: 38.8
    checkIn: "CHECK_IN", checkOut: "CHECK_OUT"
    guests: 2, instantOnly: true, pageSize: 5
  ) {
    nodes {
      currency
      totalAmount
      listing {
        listingId: id
        title
        averageRating
        reviewCount
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  `# 2. Everything about the first of them. For another,
# write { "listingId": "..." } under Variables.
query Listing($listingId: UUID!) {
  listing(id: $listingId) {
    title
    description
    city
    host { displayName hostSince }
    photos { url caption }
    amenities { amenity { name category } }
    takenNights(
      fromDate: "CHECK_IN", toDate: "CHECK_OUT"
    )
    reviews(first: 3) {
      totalCount
      nodes { rating comment author { displayName } }
    }
  }
}
`,
  `# 3. What would it cost, and can it be booked?
# Nothing is stored.
query Price($listingId: UUID!) {
  bookability(
    listingId: $listingId
    checkIn: "CHECK_IN", checkOut: "CHECK_OUT"
    guests: 2
  ) {
    code
    rule
  }
  stayPrice(
    listingId: $listingId
    checkIn: "CHECK_IN", checkOut: "CHECK_OUT"
    guests: 2
  ) {
    currency
    totalAmount
    lineItems {
      code
      rule
      unitAmount
      quantity
      amount
      payer
      payee
    }
  }
}
`,
  `# 4. Sign in as a guest in the bar above.
# A quote is an offer that stands for 30 minutes.
mutation Quote($listingId: UUID!) {
  createQuote(input: {
    listingId: $listingId
    checkIn: "CHECK_IN", checkOut: "CHECK_OUT"
    guests: 2
  }) {
    quote {
      quoteId: id
      # One key for each booking: see the next tab.
      idempotencyKey: id
      expiresAt
      currency
      totalAmount
      lineItems { code amount }
    }
  }
}
`,
  `# 5. The quote, booked as it stands. Run it twice: the
# same key returns the same booking. It holds the nights
# for 15 minutes.
mutation Book(
  $quoteId: UUID!, $idempotencyKey: String!
) {
  createBooking(input: {
    quoteId: $quoteId, idempotencyKey: $idempotencyKey
  }) {
    booking {
      bookingId: id
      status
      holdExpiresAt
      totalAmount
      currency
    }
  }
}
`,
  `# 6. Paying is REST, for the card goes to Stripe alone:
# POST /v1/bookings/{bookingId}/payment. The page of the
# booking does it: "Pay this booking" in the bar above.
# Then it is CONFIRMED.
query Paid($bookingId: UUID!) {
  booking(id: $bookingId) {
    status
    statusReason
    holdExpiresAt
    payments { status currency amount }
    events { toStatus actor createdAt }
  }
}
`,
  `# 7. Sign in as the host in the bar above: who comes,
# and what it earns.
query Host {
  me {
    displayName
    bookingsAsHost(first: 5, orderBy: ID_DESC) {
      totalCount
      nodes {
        status
        checkIn
        checkOut
        hostAmount
        currency
        listing { title }
        guest { displayName }
      }
      groupedAggregates(groupBy: [CURRENCY, STATUS]) {
        keys
        sum { hostAmount }
      }
    }
  }
}
`,
  `# 8. As the host: the ledger. A credit is negative: what
# the platform owes is below zero.
query Ledger {
  ledgerAccounts {
    nodes {
      kind
      currency
      entries(first: 5) {
        groupedAggregates(groupBy: [CURRENCY]) {
          keys
          sum { amount }
        }
        nodes {
          amount
          transaction { kind booking { checkIn } }
        }
      }
    }
  }
}
`,
  `# 9. As the guest again: stays that are over. Yours is a
# month ahead: npm run clock -- +34d moves the clock.
query Past {
  me {
    bookingsAsGuest(
      first: 3, orderBy: ID_DESC
      filter: { status: { equalTo: COMPLETED } }
    ) {
      nodes {
        pastBookingId: id
        checkOut
        listing { title city }
        reviews { direction }
      }
    }
  }
}
`,
  `# 10. A guest rates the last of them, once. Others see
# it when the host has written, too, or cannot any more.
mutation Review($pastBookingId: UUID!) {
  submitReview(input: {
    bookingId: $pastBookingId
    rating: 5
    comment: "Quiet, bright and close to everything."
  }) {
    review { direction rating comment publishedAt }
  }
}
`,
] as const;
