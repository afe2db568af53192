/**
 * Signing in on a page of ours: the people of the demo with one click, anybody with a form or by a
 * provider. All tabs are one person, for the browser has one refresh token, in a cookie that no
 * script can read; the access token is renewed before it ends.
 */
import { people, providers } from "./setting.js";

const KEY = "staybase-session";
const BEGUN = "staybase-begun";
let session = stored();
let renewing;
let changed = () => undefined;

// Another tab has signed in or out, or renewed the token.
addEventListener("storage", ({ key }) => {
  if (key !== KEY) return;
  const before = session?.email;
  session = stored();
  if (session?.email !== before) changed();
});

/** The header for a request as whoever is signed in; undefined for nobody. */
export async function authorization() {
  if (session !== null && Date.parse(session.accessTokenExpiresAt) < Date.now() + 30_000) {
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
    await renewing;
  }
  return session === null ? undefined : `Bearer ${session.accessToken}`;
}

/** Fills an element with buttons and a form; `onChange` is called with the address, or undefined. */
export function installSignIn(element, onChange = () => undefined) {
  element.classList.add("sign-in");
  element.innerHTML = `<span class="who" role="status"></span>
    <span class="people"></span>
    <button type="button" class="out">Sign out</button>
    <details><summary>${people.length > 0 ? "Somebody else" : "Sign in"}</summary><form>
      <label>E-mail <input type="email" name="email" autocomplete="username" required></label>
      <label>Password <input type="password" name="password" autocomplete="current-password"
        required></label>
      <label hidden>Code <input name="code" autocomplete="one-time-code"></label>
      <button>Sign in</button></form></details>
    <span class="wrong" role="alert"></span>`;
  const part = (name) => element.querySelector(name);
  const show = (problem = "") => {
    part(".who").textContent = session === null ? "Not signed in" : `You are ${session.email}`;
    part(".out").hidden = session === null;
    part(".wrong").textContent = problem;
    for (const button of part(".people").children) {
      button.setAttribute("aria-pressed", String(button.title === session?.email));
    }
    onChange(session?.email);
  };
  changed = show;
  const attempt = (work) => work.then(() => show()).catch((error) => show(error.message));
  for (const person of people) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: person.role, title: person.email });
    button.addEventListener("click", () => attempt(signIn(person)));
    part(".people").append(button);
  }
  for (const { name, title } of providers) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: `Continue with ${title}` });
    button.addEventListener("click", () => attempt(begin(name)));
    part("details").append(button);
  }
  part(".out").addEventListener("click", () => attempt(signOut()));
  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const { email, password, code } = Object.fromEntries(new FormData(event.target));
    const field = part("[name=code]");
    attempt(
      signIn({ email, password, code: code || undefined }).then(
        () => {
          event.target.reset();
          part("details").open = false;
          field.parentElement.hidden = true;
        },
        (error) => {
          // Who has a second factor is asked for its code now.
          if (error.code === "SECOND_FACTOR_REQUIRED") field.parentElement.hidden = false;
          throw error;
        },
      ),
    );
  });
  // A link such as #as=guest signs in as one of the demo, whose password is no secret.
  const named = people.find(({ role }) => location.hash === `#as=${role}`);
  if (named === undefined) {
    show();
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  attempt(signIn(named));
}

async function signIn({ email, password, code }) {
  const body = { email, password, code, refreshIn: "cookie" };
  keep({ email, ...(await post("/v1/auth/login", body)) });
}

/** Leaves for a provider; what is kept here goes with the code that comes back (RFC 7636). */
async function begin(provider) {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const back = location.pathname + location.search;
  sessionStorage.setItem(BEGUN, JSON.stringify({ verifier, back }));
  location.assign(`/v1/auth/oidc/${provider}?codeChallenge=${base64url(new Uint8Array(digest))}`);
}

/**
 * Signs in with the code that came back, and says where somebody was before. After
 * SECOND_FACTOR_REQUIRED the same code goes with one of the second factor.
 */
export async function finishSignIn(code, factorCode) {
  const begun = JSON.parse(sessionStorage.getItem(BEGUN) ?? "null");
  // Somebody may have been sent here with the code of another, to use the account of another.
  if (begun === null || code === null) throw new Error("This sign-in did not begin here.");
  const { verifier: codeVerifier, back } = begun;
  const body = { code, codeVerifier, factorCode, refreshIn: "cookie" };
  const next = await post("/v1/auth/oidc/session", body);
  sessionStorage.removeItem(BEGUN);
  const headers = { authorization: `Bearer ${next.accessToken}` };
  const { email } = await (await fetch("/v1/me", { headers })).json();
  keep({ email, ...next });
  return back;
}

function base64url(bytes) {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function signOut() {
  const header = await authorization();
  keep(null);
  if (header === undefined) return;
  await fetch("/v1/auth/logout", { method: "POST", headers: { authorization: header } });
}

async function renew() {
  const old = session;
  try {
    const renewed = await post("/v1/auth/refresh", {});
    // Somebody may have signed in or out meanwhile.
    if (session === old) keep(renewed.userId === old.userId ? { ...old, ...renewed } : null);
  } catch (error) {
    // Without an answer it may still be good; a refusal is final.
    if (error.status !== 401 || session !== old) return;
    keep(null);
  }
  if (session === null) changed();
}

function keep(next) {
  session = next;
  if (next === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(next));
}

function stored() {
  return JSON.parse(localStorage.getItem(KEY) ?? "null");
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.detail ?? answer.title), {
    status: response.status,
    code: answer.code,
  });
}
