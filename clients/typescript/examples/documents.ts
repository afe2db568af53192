/** What the examples ask in GraphQL: all of it here, so that a server can be told to trust it. */
import { gql } from "../src/graphql.ts";

const QuoteParts = gql(`
  fragment QuoteParts on Quote {
    id
    totalAmount
    currency
    expiresAt
    lineItems { code amount quantity unitAmount payer }
  }
`);

export const Find = gql(`
  query Find($checkIn: Date!, $checkOut: Date!, $guests: Int!, $west: Float!, $south: Float!,
    $east: Float!, $north: Float!) {
    searchListings(west: $west, south: $south, east: $east, north: $north, checkIn: $checkIn,
      checkOut: $checkOut, guests: $guests, instantOnly: true, pageSize: 12) {
      nodes {
        totalAmount
        currency
        listing { id title city averageRating maxGuests }
      }
    }
  }
`);

export const MakeQuote = gql(
  `
  mutation MakeQuote($input: CreateQuoteInput!) {
    createQuote(input: $input) { quote { ...QuoteParts } }
  }
`,
  [QuoteParts],
);

export const Book = gql(`
  mutation Book($input: CreateBookingInput!) {
    createBooking(input: $input) { booking { id status holdExpiresAt } }
  }
`);

export const MyStays = gql(`
  query MyStays($first: Int) {
    me { bookingsAsGuest(first: $first) { totalCount nodes { id status checkIn checkOut } } }
  }
`);
