/**
 * The page `/bookings/{id}`, to which mails link where no app is configured. The page itself knows
 * nothing of the booking: assets/booking.js asks for it as whoever signs in there.
 */
import type { Express } from "express";
import { page } from "./html.ts";
import { serve } from "./methods.ts";

const PAGE = page({
  title: "Your booking",
  narrow: true,
  head: `<link rel="stylesheet" href="/docs/assets/signIn.css">
<style>#as { margin-bottom: 1rem }</style>
<script type="module" src="/docs/assets/booking.js"></script>
`,
  body: `<h1>Your booking</h1>
<div id="as"></div>
<div id="booking"></div>
<noscript><p>This page needs JavaScript.</p></noscript>`,
});

export function installBookingPage(app: Express): void {
  serve(app, "/bookings/:bookingId", {
    get: (_request, response) => void response.type("html").send(PAGE),
  });
}
