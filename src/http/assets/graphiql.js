/**
 * The bar above GraphiQL: who asks, and what the tabs of the story hand on. A value of an answer
 * fills each variable of its name that a later request needs and does not give.
 */
import { authorization, installSignIn } from "./signIn.js";

const KEY = "staybase-kept";
const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
const bar = document.getElementById("bar");
const ask = globalThis.fetch;

globalThis.fetch = async (address, init = {}) => {
  const path = new URL(address instanceof Request ? address.url : address, location.href).pathname;
  if (path !== "/graphql" || typeof init.body !== "string") return ask(address, init);
  const headers = new Headers(init.headers);
  const header = headers.has("authorization") ? undefined : await authorization();
  if (header !== undefined) headers.set("authorization", header);
  const request = JSON.parse(init.body);
  // Right after a change of tabs GraphiQL still names the operation of the one before.
  const isThere = new RegExp(`\\b${request.operationName}\\b`).test(request.query);
  const operationName = isThere ? request.operationName : undefined;
  const body = JSON.stringify({ ...request, operationName, variables: filled(request) });
  const response = await ask(address, { ...init, headers, body });
  const answer = await response.clone().json();
  const found = findValues(answer.data, {});
  if (request.operationName !== "IntrospectionQuery") keep(found);
  return response;
};

/** The variables that are given, and those that are needed and known. */
function filled({ query, variables }) {
  const declared = [...query.matchAll(/\$(\w+)\s*:\s*[\w[\]!]+!(?!\s*=)/g)].map(([, name]) => name);
  const known = declared.filter((name) => name in kept).map((name) => [name, kept[name]]);
  return { ...Object.fromEntries(known), ...variables };
}

/** The first value of each name that ends like an id or a key, wherever it is in an answer. */
function findValues(value, found) {
  if (typeof value !== "object" || value === null) return found;
  for (const [name, member] of Object.entries(value)) {
    if (/(Id|Key)$/.test(name) && typeof member === "string") found[name] ??= member;
    else findValues(member, found);
  }
  return found;
}

function keep(found) {
  Object.assign(kept, found);
  sessionStorage.setItem(KEY, JSON.stringify(kept));
  showKept();
}

function showKept() {
  const booking = bar.querySelector(".booking");
  booking.hidden = kept.bookingId === undefined;
  booking.href = `/bookings/${kept.bookingId}`;
  const names = Object.keys(kept);
  const text = names.map((name) => `$${name} = ${kept[name].slice(0, 8)}…`).join("   ");
  bar.querySelector(".kept").textContent =
    names.length > 0 ? `Kept from your answers: ${text}` : "";
}

bar.querySelector(".restart").addEventListener("click", () => {
  for (const name of Object.keys(localStorage)) {
    if (name.startsWith("graphiql:")) localStorage.removeItem(name);
  }
  sessionStorage.removeItem(KEY);
  location.reload();
});
installSignIn(bar.querySelector(".as"));
showKept();
