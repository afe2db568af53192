/**
 * What our own pages load, from the folder assets/: their look, their icon, and the scripts that
 * browsers run as they are.
 */
import { fileURLToPath } from "node:url";
import type { Express } from "express";
import type { Resources } from "../resources/index.ts";
import { serve } from "./methods.ts";

const FOLDER = fileURLToPath(new URL("assets/", import.meta.url));

/** Each by its name; nothing else of the folder is public. */
const FILES = [
  "pages.css",
  "icon.svg",
  "signIn.css",
  "signIn.js",
  "signInPage.js",
  "booking.js",
  "docs.css",
  "docs.js",
  "graphiql.css",
  "graphiql.js",
];

/** Somebody of the demo, whose password everybody knows. */
export interface DemoPerson {
  readonly role: string;
  readonly email: string;
  readonly password: string;
}

/**
 * `people` may sign in with one click; there are none but where the demo was seeded. Providers lead
 * back to a page of ours only where there is no app.
 */
export function installAssets(
  app: Express,
  { config, oidc }: Resources,
  people: readonly DemoPerson[],
): void {
  const simulator = config.isLocal ? config.stripe.apiUrl : undefined;
  const comesBack = config.app.url === config.http.publicUrl;
  const providers = [...oidc.values()].map(({ provider: { name, title } }) => ({ name, title }));
  const setting = `export const people = ${JSON.stringify(people)};
export const providers = ${JSON.stringify(comesBack ? providers : [])};
export const simulator = ${JSON.stringify(simulator)};
`;
  serve(app, "/docs/assets/setting.js", {
    get: (_request, response) => void response.type("text/javascript").send(setting),
  });
  for (const name of FILES) {
    serve(app, `/docs/assets/${name}`, {
      get: (_request, response) => response.sendFile(name, { root: FOLDER }),
    });
  }
  // Browsers ask for it where a page names no icon, such as GraphiQL.
  serve(app, "/favicon.ico", { get: (_request, response) => response.redirect(ICON) });
}

const ICON = "/docs/assets/icon.svg";
