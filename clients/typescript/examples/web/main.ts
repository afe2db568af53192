/** A page that finds, quotes and books a stay and leads to where it is paid. */
import { createStaybase, newKey, type Options, unwrap } from "../../src/index.ts";
import { Book, Find, MakeQuote, MyStays } from "../documents.ts";
import { attempt, make, money, one, row, words } from "./elements.ts";

type Settings = { url: string; stripe?: string; trustedDocuments: boolean };
const settings: Settings = await (await fetch("/settings.json")).json();
// For as long as the tab is open. What lasts longer is in a cookie, where scripts cannot read it.
const kept = sessionStorage.getItem("session");
let isSignedIn = kept !== null;
const keep: NonNullable<Options["onSession"]> = (session) => {
  isSignedIn = session !== undefined;
  if (session) sessionStorage.setItem("session", JSON.stringify(session));
  else sessionStorage.removeItem("session");
};
const { graphql, rest, signIn } = createStaybase({
  ...settings,
  refreshIn: "cookie",
  ...(kept !== null && { session: JSON.parse(kept) }),
  onSession: keep,
});

/** West, south, east, north. */
const CITIES = {
  Lisbon: [-9.3, 38.6, -9, 38.8],
  Paris: [2.2, 48.8, 2.5, 48.95],
  Kyoto: [135.6, 34.9, 135.9, 35.1],
  "New York": [-74.1, 40.6, -73.8, 40.9],
} as const;

const [form, found] = [one<HTMLFormElement>("#find"), one("#found")];
const [said, dialog] = [one("#status"), one<HTMLDialogElement>("#stay")];

type Stay = { checkIn: string; checkOut: string; guests: number };

async function find(): Promise<void> {
  const entered = new FormData(form);
  const text = (name: string): string => String(entered.get(name));
  const [west, south, east, north] = CITIES[text("city") as keyof typeof CITIES];
  const stay = { checkIn: text("checkIn"), checkOut: text("checkOut"), guests: +text("guests") };
  said.textContent = "Looking …";
  const { searchListings } = await graphql(Find, { west, south, east, north, ...stay });
  const nodes = searchListings?.nodes ?? [];
  said.textContent = nodes.length === 0 ? "Nothing is free in these days." : "Free in these days:";
  found.replaceChildren(
    ...nodes.flatMap(({ listing, totalAmount, currency }) => {
      if (!listing) return [];
      const button = make("button", {}, "Choose");
      button.onclick = () => attempt(button, said, () => quote(listing, stay));
      const rating = listing.averageRating ? `★ ${listing.averageRating} · ` : "";
      const card = make(
        "li",
        {},
        make("h2", {}, listing.title),
        make("span", { className: "soft" }, `${rating}up to ${listing.maxGuests} guests`),
        make("span", {}, make("b", {}, money(totalAmount, currency)), " in all"),
        button,
      );
      card.style.setProperty("--hue", String(Number.parseInt(listing.id.slice(-2), 16) * 1.4));
      return [card];
    }),
  );
}

function show(title: string, ...children: (Node | string)[]): void {
  const close = make("button", { className: "plain", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(make("h2", {}, title), ...children, close);
  if (!dialog.open) dialog.showModal();
}

async function quote(listing: { id: string; title: string }, stay: Stay): Promise<void> {
  if (!isSignedIn) return askToSignIn(() => quote(listing, stay));
  const { createQuote } = await graphql(MakeQuote, { input: { listingId: listing.id, ...stay } });
  if (!createQuote) return;
  const { id, totalAmount, currency, lineItems } = createQuote.quote;
  const rows = lineItems.flatMap(({ code, quantity, unitAmount, amount, payer }) => {
    if (payer !== "GUEST") return [];
    const label = code === "NIGHTS" ? `${quantity} × ${money(unitAmount, currency)}` : words(code);
    return row(label, money(amount, currency));
  });
  rows.push(...row("total", money(totalAmount, currency)));
  const [button, wrong] = [make("button", {}, "Book"), make("p", { role: "alert" })];
  // One intention, however often the button is pressed.
  const input = { quoteId: id, idempotencyKey: newKey() };
  button.onclick = () => attempt(button, wrong, () => book(input));
  show(listing.title, make("dl", { className: "sum" }, ...rows), wrong, button);
}

function askToSignIn(after: () => Promise<void>): void {
  const email = make("input", { type: "email", value: "guest@staybase.example" });
  const password = make("input", { type: "password", value: "staybase-demo" });
  [email.autocomplete, password.autocomplete] = ["username", "current-password"];
  const [button, wrong] = [make("button", {}, "Sign in"), make("p", { role: "alert" })];
  const fields = [make("label", {}, "Email", email), make("label", {}, "Password", password)];
  const entered = make("form", {}, ...fields, wrong, button);
  entered.onsubmit = (event) => {
    event.preventDefault();
    attempt(button, wrong, async () => {
      await signIn(email.value, password.value);
      await after();
    });
  };
  show("Sign in to book", entered);
}

async function book(input: { quoteId: string; idempotencyKey: string }): Promise<void> {
  const { createBooking } = await graphql(Book, { input });
  if (!createBooking) return;
  const { id, holdExpiresAt } = createBooking.booking;
  const header = { "Idempotency-Key": `pay-${id}` };
  const payment = await unwrap(
    rest.POST("/bookings/{bookingId}/payment", { params: { path: { bookingId: id }, header } }),
  );
  const back = { client_secret: payment.clientSecret, return_url: `${location.origin}/` };
  const page = `${settings.stripe}/pay/${payment.stripePaymentIntentId}`;
  const href = `${page}?${new URLSearchParams(back)}`;
  const until = holdExpiresAt
    ? new Date(holdExpiresAt).toLocaleTimeString([], { timeStyle: "short" })
    : "it is paid";
  show(
    "The nights are yours",
    make("p", {}, `They are held until ${until}.`),
    settings.stripe
      ? make("a", { className: "button", href }, `Pay ${money(payment.amount, payment.currency)}`)
      : make("p", { className: "soft" }, "Set STRIPE_URL to the simulator, and pay there."),
  );
}

async function showStays(): Promise<void> {
  const { me } = await graphql(MyStays, { first: 5 });
  const stays = (me?.bookingsAsGuest.nodes ?? []).flatMap(({ checkIn, checkOut, status }) =>
    row(`${checkIn} to ${checkOut}`, words(status)),
  );
  show("Your stays", make("dl", {}, ...stays));
}

const day = (ahead: number): string =>
  new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
one("[name=city]").append(...Object.keys(CITIES).map((city) => make("option", {}, city)));
one<HTMLInputElement>("[name=checkIn]").value = day(30);
one<HTMLInputElement>("[name=checkOut]").value = day(33);
const findButton = one<HTMLButtonElement>("#find button");
form.onsubmit = (event) => {
  event.preventDefault();
  attempt(findButton, said, find);
};
await attempt(findButton, said, find);
// Stripe leads back with what came of it.
if (location.search.includes("redirect_status=")) {
  history.replaceState(null, "", "/");
  if (isSignedIn) await attempt(findButton, said, showStays);
}
