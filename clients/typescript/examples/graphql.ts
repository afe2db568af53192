/**
 * Finds, quotes and books as `stay.ts` does, in GraphQL: `npm run example:graphql` beside
 * `npm start`. The types of variables and answers follow from the documents.
 */
import { createStaybase, newKey, StaybaseError } from "../src/index.ts";
import { Book, Find, MakeQuote, MyStays } from "./documents.ts";

const url = process.env.STAYBASE_URL ?? "http://localhost:4000";
const email = process.env.STAYBASE_EMAIL ?? "guest@staybase.example";
const password = process.env.STAYBASE_PASSWORD ?? "staybase-demo";
const trustedDocuments = process.env.STAYBASE_TRUSTED === "1";
const { graphql, signIn, signOut } = createStaybase({ url, trustedDocuments });

const day = (from: number): string =>
  new Date(Date.now() + from * 86_400_000).toISOString().slice(0, 10);
const stay = { checkIn: day(50), checkOut: day(53), guests: 2 };

try {
  const lisbon = { west: -9.3, south: 38.6, east: -9, north: 38.8 };
  const { searchListings } = await graphql(Find, { ...lisbon, ...stay });
  const [found] = searchListings?.nodes ?? [];
  if (!found?.listing) throw new Error("Nothing is free in these days.");
  console.log(`found    ${found.listing.title}: ${found.totalAmount} ${found.currency}`);

  await signIn(email, password);
  const order = { listingId: found.listing.id, ...stay };
  const { createQuote } = await graphql(MakeQuote, { input: order });
  const parts = createQuote?.quote.lineItems ?? [];
  console.log(`quoted   ${parts.map(({ code, amount }) => `${code} ${amount}`).join(", ")}`);

  const quoteId = createQuote?.quote.id ?? "";
  const { createBooking } = await graphql(Book, { input: { quoteId, idempotencyKey: newKey() } });
  console.log(`booked   ${createBooking?.booking.id}: ${createBooking?.booking.status}`);

  const { me } = await graphql(MyStays, { first: 3 });
  for (const booking of me?.bookingsAsGuest.nodes ?? []) {
    console.log(`mine     ${booking.id}: ${booking.status} from ${booking.checkIn}`);
  }
  await signOut();
} catch (error) {
  if (!(error instanceof StaybaseError)) throw error;
  console.error(`${error.code}: ${error.message}`, error.fields);
  process.exitCode = 1;
}
