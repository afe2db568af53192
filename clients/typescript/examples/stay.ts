/**
 * Finds a place in Lisbon, quotes it, books it, and pays: `npm run example` beside `npm start`. The
 * address of the simulator, in its start-up text, goes into STRIPE_URL to pay in earnest. The guest
 * is one of the demo; the card is Stripe's for tests.
 */
import { createStaybase, newKey, pages, StaybaseError, unwrap } from "../src/index.ts";

const url = process.env.STAYBASE_URL ?? "http://localhost:4000";
const email = process.env.STAYBASE_EMAIL ?? "guest@staybase.example";
const password = process.env.STAYBASE_PASSWORD ?? "staybase-demo";
const { rest, signIn, signOut } = createStaybase({ url });

const day = (from: number): string =>
  new Date(Date.now() + from * 86_400_000).toISOString().slice(0, 10);
const [checkIn, checkOut] = [day(40), day(43)];

try {
  await signIn(email, password);
  const lisbon = { west: -9.3, south: 38.6, east: -9, north: 38.8 };
  const query = { ...lisbon, checkIn, checkOut, guests: 2, include: ["listing" as const] };
  const { items } = await unwrap(rest.GET("/search", { params: { query } }));
  const [found] = items;
  if (!found) throw new Error("Nothing is free in these days.");
  console.log(`found    ${found.listing?.title}: ${found.totalAmount} ${found.currency}`);

  const order = { listingId: found.listingId, checkIn, checkOut, guests: 2 };
  const quote = await unwrap(rest.POST("/quotes", { body: order }));
  console.log(
    `quoted   ${quote.lineItems.map(({ code, amount }) => `${code} ${amount}`).join(", ")}`,
  );

  const header = { "Idempotency-Key": newKey() };
  const body = { quoteId: quote.id };
  const booking = await unwrap(rest.POST("/bookings", { params: { header }, body }));
  console.log(`booked   ${booking.id}: ${booking.status} until ${booking.holdExpiresAt}`);

  const path = { bookingId: booking.id };
  const payment = await unwrap(
    rest.POST("/bookings/{bookingId}/payment", {
      params: { path, header: { "Idempotency-Key": newKey() } },
    }),
  );
  // A browser does this with Stripe.js; the simulator has a page for it.
  const stripe = process.env.STRIPE_URL;
  if (stripe !== undefined) {
    await fetch(`${stripe}/pay/${payment.stripePaymentIntentId}`, {
      method: "POST",
      body: new URLSearchParams({
        client_secret: payment.clientSecret,
        card: "4242424242424242",
      }),
    });
  }
  console.log(`paying   ${payment.amount} ${payment.currency}`);

  const mine = pages((cursor) =>
    rest.GET("/bookings", { params: { query: { role: "guest", ...(cursor && { cursor }) } } }),
  );
  let shown = 0;
  for await (const { id, status } of mine) {
    console.log(`mine     ${id}: ${status}`);
    shown += 1;
    if (shown === 3) break;
  }
  await signOut();
} catch (error) {
  if (!(error instanceof StaybaseError)) throw error;
  console.error(`${error.code}: ${error.message}`, error.fields);
  process.exitCode = 1;
}
