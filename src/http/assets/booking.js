/** Shows one booking to whoever signs in and may see it, and leads to the simulator to pay it. */
import { simulator } from "./setting.js";
import { authorization, installSignIn } from "./signIn.js";

const address = `/v1/bookings/${location.pathname.split("/").at(-1)}`;
const box = document.getElementById("booking");

installSignIn(document.getElementById("as"), () => {
  show().catch(() => say("The server gives no answer. Try again."));
});

async function show() {
  const header = await authorization();
  if (header === undefined) {
    say("Sign in as its guest or its host to see it.");
    return;
  }
  const response = await fetch(`${address}?include=listing`, {
    headers: { authorization: header },
  });
  const booking = await response.json();
  if (!response.ok) {
    say(booking.detail ?? booking.title);
    return;
  }
  // Where it was may not be anybody's to see any more.
  const { listing } = booking;
  const facts = [
    ...(listing === null ? [] : [["Place", `${listing.title}, ${listing.city}`]]),
    ["Status", booking.status.replaceAll("_", " ")],
    ["Stay", `${booking.checkIn} to ${booking.checkOut}`],
    ["Guests", String(booking.guests)],
    ["Total", amount(booking.totalAmount, booking.currency)],
  ];
  const list = make("dl", { className: "card" });
  for (const [name, value] of facts) {
    list.append(make("dt", { textContent: name }), make("dd", { textContent: value }));
  }
  box.replaceChildren(list);
  if (booking.status === "pending_payment") offerPayment(booking);
}

function offerPayment(booking) {
  const until = new Date(booking.holdExpiresAt).toLocaleTimeString();
  const hint = make("p", { textContent: `The nights are held until ${until}. ` });
  box.append(hint);
  if (simulator === undefined) {
    hint.append("Pay in the app in which you booked.");
    return;
  }
  const button = make("button", { textContent: "Pay in the simulator" });
  button.addEventListener("click", async () => {
    const response = await fetch(`${address}/payment`, {
      method: "POST",
      headers: { authorization: await authorization(), "idempotency-key": `page-${booking.id}` },
    });
    const payment = await response.json();
    if (!response.ok) {
      say(payment.detail ?? payment.title);
      return;
    }
    const query = new URLSearchParams({
      client_secret: payment.clientSecret,
      return_url: location.href,
    });
    location.assign(`${simulator}/pay/${payment.stripePaymentIntentId}?${query}`);
  });
  box.append(button);
}

/** Minor units as a decimal, by digits. */
function amount(minor, currency) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits;
  if (digits === 0) return `${minor} ${currency}`;
  const padded = minor.padStart(digits + 1, "0");
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)} ${currency}`;
}

function say(text) {
  box.replaceChildren(make("p", { textContent: text }));
}

function make(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}
