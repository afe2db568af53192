/** The steps of a stay as clients of the API take them: offer a place, find it, book it, pay it. */
import type { Client } from "../helpers/client.ts";
import type { Marketplace } from "../helpers/marketplace.ts";

/** Creates and publishes a complete listing in Lisbon; returns its id. */
export async function offerListing(host: Client): Promise<string> {
  const { createListing } = await host.query<{ createListing: { listing: { id: string } } }>(
    `mutation ($input: CreateListingInput!) { createListing(input: $input) { listing { id } } }`,
    {
      input: {
        listing: {
          title: "House above the river",
          description: "Two rooms, a terrace, and the river below.",
          houseRules: "No parties, please.",
          maxGuests: 4,
        },
      },
    },
  );
  const { id } = createListing.listing;
  await host.query(
    `mutation ($id: UUID!) {
      setListingAddress(input: {
        listingId: $id, street: "Rua do Alecrim 12", city: "Lisbon", countryCode: "PT",
        timeZone: "Europe/Lisbon", longitude: -9.1437, latitude: 38.7096
      }) { listing { id publicLongitude } }
      createListingPhoto(input: { listingPhoto: {
        listingId: $id, url: "https://example.com/terrace.jpg", caption: "The terrace"
      } }) { listingPhoto { id } }
      setListingRates(input: {
        listingId: $id, currency: "EUR", nightlyAmount: "10000", weekendNightlyAmount: "12000",
        cleaningFeeAmount: "2500"
      }) { listingRate { nightlyAmount } }
      setListingAmenities(input: { listingId: $id, amenityCodes: ["wifi", "kitchen"] }) {
        listing { id }
      }
      publishListing(input: { listingId: $id }) { listing { status } }
    }`,
    { id },
  );
  return id;
}

export interface Stay {
  readonly checkIn: string;
  readonly checkOut: string;
}

/** A stay that begins so many days from today, in UTC. */
export function stayIn(days: number, nights: number): Stay {
  const date = (offset: number): string =>
    new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  return { checkIn: date(days), checkOut: date(days + nights) };
}

export interface Found {
  readonly totalAmount: string;
  readonly listing: { readonly id: string; readonly title: string };
}

/** Searches around Lisbon with the dates. */
export async function search(client: Client, stay: Stay): Promise<readonly Found[]> {
  const { searchListings } = await client.query<{
    searchListings: { readonly nodes: readonly Found[] };
  }>(
    `query ($checkIn: Date!, $checkOut: Date!) {
      searchListings(west: -9.3, south: 38.6, east: -9.0, north: 38.8, checkIn: $checkIn,
        checkOut: $checkOut, guests: 2, amenities: ["wifi"]) {
        nodes { totalAmount currency listing { id title } }
      }
    }`,
    { ...stay },
  );
  return searchListings.nodes;
}

export interface Quote {
  readonly id: string;
  readonly totalAmount: string;
}

export async function createQuote(guest: Client, listingId: string, stay: Stay): Promise<Quote> {
  const { createQuote: made } = await guest.query<{ createQuote: { quote: Quote } }>(
    `mutation ($listingId: UUID!, $checkIn: Date!, $checkOut: Date!) {
      createQuote(input: {
        listingId: $listingId, checkIn: $checkIn, checkOut: $checkOut, guests: 2
      }) { quote { id totalAmount } }
    }`,
    { listingId, ...stay },
  );
  return made.quote;
}

export interface Booking {
  readonly id: string;
  readonly status: string;
}

export const CREATE_BOOKING = `mutation ($quoteId: UUID!, $key: String!) {
  createBooking(input: { quoteId: $quoteId, idempotencyKey: $key }) {
    booking { id status holdExpiresAt }
  }
}`;

export async function createBooking(guest: Client, quoteId: string, key: string): Promise<Booking> {
  const { createBooking: made } = await guest.query<{ createBooking: { booking: Booking } }>(
    CREATE_BOOKING,
    { quoteId, key },
  );
  return made.booking;
}

export async function bookingStatus(client: Client, id: string): Promise<string | undefined> {
  const { booking } = await client.query<{ booking: Booking | null }>(
    "query ($id: UUID!) { booking(id: $id) { id status } }",
    { id },
  );
  return booking?.status;
}

/** Makes the PaymentIntent and confirms it with a card, as the guest's browser would. */
export async function pay(
  marketplace: Marketplace,
  guest: Client,
  bookingId: string,
  card = "4242424242424242",
): Promise<Record<string, unknown>> {
  const payment = await guest.askToPay(bookingId);
  if (payment.status !== 200) throw new Error(`payment: ${JSON.stringify(payment.body)}`);
  await fetch(`${marketplace.stripe.url}/pay/${String(payment.body.stripePaymentIntentId)}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_secret: payment.body.clientSecret, card }),
  });
  return payment.body;
}
