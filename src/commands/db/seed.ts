/**
 * `npm run db:seed` and the first `npm start`: fills a database with an invented market in a dozen
 * cities, the same on every machine except that its dates lie around today. What it is made of is
 * in the SQL files of this folder, in the order of `PARTS`; it makes no schema.
 */
import { readFile } from "node:fs/promises";
import type pg from "pg";
import type { Config } from "../../config/index.ts";
import type { Logger } from "../../resources/logger.ts";
import { openPasswords } from "../../resources/passwords.ts";
import { runCommand } from "../shared/command.ts";
import { withClient } from "../shared/connect.ts";
import { DatabaseCommandError } from "../shared/errors.ts";
import { databaseTarget, distantHost, ownerUrl } from "../shared/settings.ts";

/** The password of everybody in the demo. */
export const DEMO_PASSWORD = "staybase-demo";

/** Whom one may sign in as; all have `DEMO_PASSWORD`. */
export const DEMO_SIGN_INS = [
  { role: "guest", email: "guest@staybase.example", password: DEMO_PASSWORD },
  { role: "host", email: "host@staybase.example", password: DEMO_PASSWORD },
  { role: "operator", email: "operator@staybase.example", password: DEMO_PASSWORD },
] as const;

/** How much there is of what. */
export interface SeedCounts {
  readonly people: number;
  readonly cities: number;
  readonly listings: number;
  readonly pastStays: number;
  readonly comingStays: number;
  readonly reviews: number;
  readonly blocks: number;
}

/** A stay that can be booked now, and the box in degrees in which a search finds it. */
export interface SeedExample {
  readonly listingId: string;
  readonly title: string;
  readonly city: string;
  /** Local date, such as 2026-12-24. */
  readonly checkIn: string;
  readonly checkOut: string;
  readonly guests: number;
  readonly currency: string;
  /** The total in minor units. */
  readonly totalAmount: string;
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

export interface SeedResult {
  /** False where the demo was there already: then nothing was changed. */
  readonly created: boolean;
  readonly counts: SeedCounts;
  readonly signIns: typeof DEMO_SIGN_INS;
  /** Missing where everything in the example's city is booked or gone. */
  readonly example: SeedExample | undefined;
  readonly milliseconds: number;
}

/** In this order, in one transaction. */
const PARTS = ["draw", "cities", "people", "listings", "stays", "reviews", "publish"] as const;

export interface SeedOptions {
  readonly logger?: Logger;
  /** Whether a server on another machine may have sign-ins whose password everybody knows. */
  readonly elsewhere?: boolean;
}

/** Two processes that start at once must not both find the database empty. */
const SEED_LOCK = 7_382_519_004;

/**
 * Seeds the demo, or finds that it is there. The schema must be migrated.
 * @throws {DatabaseCommandError} in production, on another machine without `elsewhere`, or when
 *   the database cannot be reached
 */
export async function seedDemo(config: Config, options: SeedOptions = {}): Promise<SeedResult> {
  const target = databaseTarget(config);
  if (config.environment === "production") {
    throw new DatabaseCommandError(
      `The demo has sign-ins whose password everybody knows, so "${target.name}" of production ` +
        "does not get it. Unset NODE_ENV if this is no production.",
    );
  }
  const host = distantHost(target);
  if (host !== undefined && options.elsewhere !== true) {
    throw new DatabaseCommandError(
      `"${target.name}" is on ${host}, not on this machine, and the demo has an operator whose ` +
        "password everybody knows. If that may be so: npm run db:seed -- --elsewhere.",
    );
  }
  const started = performance.now();
  const url = ownerUrl(target);
  return withClient({ url, variable: "ROOT_DATABASE_URL" }, async (client) => {
    const created = await seedOnce(client);
    if (created) await client.query(await sql("analyze"));
    const [counts, example] = [await readCounts(client), await readExample(client)];
    const milliseconds = Math.round(performance.now() - started);
    options.logger?.info({ created, ...counts, milliseconds }, "the demo market is there");
    return { created, counts, signIns: DEMO_SIGN_INS, example, milliseconds };
  });
}

async function seedOnce(client: pg.Client): Promise<boolean> {
  await client.query("begin");
  try {
    await client.query("select pg_advisory_xact_lock($1)", [SEED_LOCK]);
    const created = !(await isSeeded(client));
    if (created) {
      const passwords = await openPasswords();
      const hash = await passwords.hash(DEMO_PASSWORD);
      await client.query("select set_config('staybase.demo_password_hash', $1, true)", [hash]);
      for (const part of PARTS) await client.query(await sql(part));
    }
    await client.query("commit");
    return created;
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw error;
  }
}

async function isSeeded(client: pg.Client): Promise<boolean> {
  const { rowCount } = await client.query(
    "select from app_public.user_contacts where email = 'operator@staybase.example'",
  );
  return rowCount !== 0;
}

async function readCounts(client: pg.Client): Promise<SeedCounts> {
  const { rows } = await client.query<Record<string, number>>(await sql("summary"));
  const row = rows[0] ?? {};
  const count = (name: string): number => row[name] ?? 0;
  return {
    people: count("people"),
    cities: count("cities"),
    listings: count("listings"),
    pastStays: count("past_stays"),
    comingStays: count("coming_stays"),
    reviews: count("reviews"),
    blocks: count("blocks"),
  };
}

async function readExample(client: pg.Client): Promise<SeedExample | undefined> {
  const { rows } = await client.query<SeedExample>(await sql("example"));
  return rows[0];
}

function sql(name: string): Promise<string> {
  return readFile(new URL(`seed/${name}.sql`, import.meta.url), "utf8");
}

if (import.meta.main) {
  void runCommand(async (config) => {
    const { created, counts, example, milliseconds } = await seedDemo(config, {
      elsewhere: process.argv.includes("--elsewhere"),
    });
    console.log(
      created
        ? `Seeded the demo in ${(milliseconds / 1000).toFixed(1)} s:`
        : "The demo is there already, nothing was changed:",
    );
    console.log(
      `  ${counts.listings} listings in ${counts.cities} cities, ${counts.people} people, ` +
        `${counts.pastStays} past and ${counts.comingStays} coming stays, ` +
        `${counts.reviews} reviews, ${counts.blocks} blocks.`,
    );
    for (const { role, email, password } of DEMO_SIGN_INS) {
      console.log(`  ${role.padEnd(8)} ${email}  ${password}`);
    }
    if (example !== undefined) {
      console.log(
        `  Free: ${example.title}, ${example.city}, ${example.checkIn} to ${example.checkOut} ` +
          `(${example.listingId}).`,
      );
    }
  });
}
