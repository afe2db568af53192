/**
 * The page at `/`: what runs here, where, as whom, and the next step. In production it says no more
 * than a stranger may know.
 */
import type { Express } from "express";
import packageJson from "../../package.json" with { type: "json" };
import type { Config } from "../config/index.ts";
import type { Resources } from "../resources/index.ts";
import type { DemoPerson } from "./assets.ts";
import { escapeHtml, page } from "./html.ts";
import { serve } from "./methods.ts";

/** What runs beside the server, as far as it has pages. */
export interface Shown {
  readonly people: readonly DemoPerson[];
  /** The paths of the stand-ins' pages. */
  readonly pages: readonly string[];
}

export function installHomePage(app: Express, { config }: Resources, shown: Shown): void {
  const body = [heading(config), next(config, shown), people(shown), addresses(config, shown)];
  const html = page({ title: "Staybase", body: body.join("\n"), head: STYLE });
  serve(app, "/", { get: (_request, response) => void response.type("html").send(html) });
}

const STYLE = `<style>
.people { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem }
.people h3 { margin: 0 0 .25rem; text-transform: capitalize }
.people p { margin: .25rem 0 }
.people .button { margin-top: .5rem }
.addresses { row-gap: .6rem }
@media (max-width: 34rem) {
  .addresses { grid-template-columns: 1fr; row-gap: .1rem }
  .addresses dt:not(:first-child) { margin-top: .6rem }
}
</style>
`;

function heading({ environment, http }: Config): string {
  const what =
    "The backend of a stay marketplace: listings, calendars, search, bookings, payments.";
  const where = `<code>${escapeHtml(http.publicUrl)}</code>`;
  const which =
    environment === "production"
      ? `It serves at ${where}.`
      : `Version ${packageJson.version} runs at ${where}, for ${environment}.`;
  return `<h1>Staybase</h1>\n<p>${what} ${which}</p>`;
}

function next({ environment }: Config, shown: Shown): string {
  const [person] = shown.people;
  const step =
    person !== undefined
      ? `<p>Open GraphiQL as a guest and run its tabs one after the other: they search, book and
rate a stay in an invented market.</p>
<p><a class="button" href="/graphiql#as=${person.role}">Begin the story of a stay</a></p>`
      : environment === "production"
        ? `<p>Read the <a href="/docs/guides">guides</a>, then register by
<code>POST /v1/auth/register</code>.</p>`
        : `<p>Register by <a href="/docs#/Identity/register">POST /v1/auth/register</a>, open the
link in the mail, and sign in at the <a href="/docs">reference</a> or in
<a href="/graphiql">GraphiQL</a>.</p>`;
  return `<h2>The next step</h2>\n${step}`;
}

function people(shown: Shown): string {
  if (shown.people.length === 0) return "";
  const cards = shown.people.map(
    ({ role, email, password }) => `<div class="card">
<h3>${role}</h3>
<p><code>${escapeHtml(email)}</code></p>
<p class="soft">Password <code>${escapeHtml(password)}</code></p>
<a class="button" href="/graphiql#as=${role}">GraphiQL</a>
<a class="button" href="/docs#as=${role}">REST</a>
</div>`,
  );
  return `<h2>Sign in as</h2>\n<div class="people">\n${cards.join("\n")}\n</div>`;
}

function addresses({ environment, isLocal, stripe }: Config, { pages }: Shown): string {
  const link = (path: string): string => `<a href="${path}">${escapeHtml(path)}</a>`;
  const simulator = isLocal ? stripe.apiUrl : undefined;
  const rows = [
    ["GraphQL", "<code>POST /graphql</code>"],
    ...(environment === "production" ? [] : [["GraphiQL", link("/graphiql")]]),
    ["REST", `<code>/v1</code>, its reference ${link("/docs")}, ${link("/openapi.json")}`],
    ["Guides", link("/docs/guides")],
    ["Errors", link("/docs/errors")],
    ["Diagrams", link("/docs/diagrams")],
    ["Deprecations", link("/docs/deprecations")],
    ...pages.map((path) => [path === "/dev/mail" ? "Mailbox" : "Page", link(path)]),
    ...(simulator === undefined ? [] : [["Stripe simulator", link(simulator)]]),
    ["Health", `${link("/healthz")}, ${link("/readyz")}`],
  ];
  const list = rows.map(([name, where]) => `<dt>${name}</dt><dd>${where}</dd>`).join("\n");
  return `<h2>Where things are</h2>\n<dl class="card addresses">\n${list}\n</dl>`;
}
