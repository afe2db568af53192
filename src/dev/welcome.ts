/**
 * What `npm start` tells the person who started it: where things are, who to be, and what to try
 * next.
 */
import type { SeedResult } from "../commands/db/seed.ts";
import { explainOffset } from "../commands/shared/clock.ts";
import type { Config } from "../config/index.ts";
import type { StandIns } from "./standIns.ts";

/** The start-up text; `ahead` is by how many seconds the database's clock was moved. */
export function welcome(standIns: StandIns, seeded: SeedResult | undefined, ahead: number): string {
  const { config, started } = standIns;
  const { publicUrl } = config.http;
  const lines = [
    "",
    `Staybase is ready at ${publicUrl}   (begin there)`,
    "",
    ...(config.environment === "production"
      ? []
      : [`  GraphiQL        ${publicUrl}/graphiql   (the story of a stay, with sign-in)`]),
    `  GraphQL         POST ${publicUrl}/graphql`,
    `  REST reference  ${publicUrl}/docs`,
    ...(started.includes("mail") ? [mailbox(config)] : []),
    ...(started.includes("stripe")
      ? [`  Stripe          ${config.stripe.apiUrl} (simulator)`]
      : []),
    ...(started.includes("postgres") ? [`  Data            ${config.dataDir}`] : []),
    ...(ahead === 0
      ? []
      : [`  Clock           ${explainOffset(ahead)} Set it right: npm run clock -- reset`]),
    ...(seeded === undefined ? [] : demo(publicUrl, seeded)),
    "",
    "Ctrl-C stops it.",
    "",
  ];
  return lines.join("\n");
}

/** Where others reach us, no browser shows mails; who may read the folder finds them there. */
function mailbox({ isLocal, http, mail }: Config): string {
  return isLocal
    ? `  Mailbox         ${http.publicUrl}/dev/mail`
    : `  Mails           ${mail.mailboxDir} (caught, not sent)`;
}

function demo(publicUrl: string, seeded: SeedResult): string[] {
  const { counts, example, signIns } = seeded;
  const [guest] = signIns;
  return [
    "",
    `The demo market has ${counts.listings} listings in ${counts.cities} cities. Sign in as`,
    ...signIns.map(({ role, email, password }) => `  ${role.padEnd(9)} ${email}  ${password}`),
    "",
    "Try next: sign in,",
    "",
    `  curl ${publicUrl}/v1/auth/login -H 'content-type: application/json' \\`,
    `    -d '{"email":"${guest.email}","password":"${guest.password}"}'`,
    "",
    ...(example === undefined
      ? []
      : [
          `and find a stay in ${example.city}, in GraphiQL:`,
          "",
          `  { searchListings(west: ${example.west}, south: ${example.south},`,
          `      east: ${example.east}, north: ${example.north},`,
          `      checkIn: "${example.checkIn}", checkOut: "${example.checkOut}",`,
          `      guests: ${example.guests}) {`,
          "      nodes { totalAmount currency listing { id title } } } }",
          "",
          "The README goes on from there: quote, book, pay.",
        ]),
  ];
}
