/**
 * Reads the command line of `import:inside-airbnb`. It checks what can be checked without the files
 * and the database.
 */
import { parseArgs } from "node:util";
import { DatabaseCommandError, errorMessage } from "../shared/errors.ts";
import { countryNamed } from "./place.ts";
import { isNamed } from "./text.ts";

/** What a person asked for; undefined where it is to be found out. */
export interface ImportOptions {
  readonly dir: string;
  readonly city?: string | undefined;
  readonly region?: string | undefined;
  readonly countryCode?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly currency?: string | undefined;
  readonly bookingMode?: "instant" | "request" | undefined;
  readonly shiftToToday?: boolean | undefined;
  readonly assumeFree?: boolean | undefined;
  readonly report?: string | undefined;
}

export const USAGE = `npm run import:inside-airbnb -- DIR [options]

DIR holds the files of a city as Inside Airbnb publishes them: listings.csv.gz (the detailed
one) and calendar.csv.gz; both may be unpacked. The same city again changes only what is new.

  --city NAME           the city of all listings
  --region NAME         state or province
  --country CODE        two letters, or the English name
  --time-zone ZONE      such as Europe/Paris
  --currency CODE       what the prices are in, instead of the country's; the files write $
                        whatever it is
  --booking-mode MODE   instant or request for all, instead of what the file says
  --shift-to-today      moves all dates by whole weeks, so that the calendar begins in the week
                        up to today
  --assume-free         sells all nights of listings of which no calendar has told
  --report FILE         writes every skipped row and every note to FILE`;

/**
 * The options, or undefined where help was asked for.
 * @throws {DatabaseCommandError} when something is wrong with them
 */
export function readOptions(args: readonly string[]): ImportOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [dir, ...more] = positionals;
  if (dir === undefined || more.length > 0) {
    throw new DatabaseCommandError(
      `Give one folder${more.length > 0 ? ", not several" : ""}: ` +
        "npm run import:inside-airbnb -- DIR.",
    );
  }
  return {
    dir,
    city: placeName("--city", values.city),
    region: placeName("--region", values.region),
    countryCode: country(values.country),
    timeZone: timeZone(values["time-zone"]),
    currency: currency(values.currency),
    bookingMode: bookingMode(values["booking-mode"]),
    shiftToToday: values["shift-to-today"] === true,
    assumeFree: values["assume-free"] === true,
    report: nonEmpty("--report", values.report),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        city: { type: "string" },
        region: { type: "string" },
        country: { type: "string" },
        "time-zone": { type: "string" },
        currency: { type: "string" },
        "booking-mode": { type: "string" },
        "shift-to-today": { type: "boolean" },
        "assume-free": { type: "boolean" },
        report: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new DatabaseCommandError(
      `${errorMessage(error)}\nnpm run import:inside-airbnb -- --help lists the options.`,
    );
  }
}

function nonEmpty(option: string, text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  if (trimmed === "" || (trimmed?.length ?? 0) > 200) {
    throw new DatabaseCommandError(`${option} needs a text of 1 to 200 characters.`);
  }
  return trimmed;
}

function placeName(option: string, text: string | undefined): string | undefined {
  const name = nonEmpty(option, text);
  if (name === undefined || isNamed(name)) return name;
  throw new DatabaseCommandError(`${option} "${name}" is no name of a place.`);
}

function country(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const code = countryNamed(text);
  if (code !== undefined) return code;
  throw new DatabaseCommandError(
    `--country "${text}" is no country. Give its two letters, such as US or FR.`,
  );
}

function timeZone(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const shaped = /^[A-Z][A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)+$/.test(text);
  try {
    if (shaped) return new Intl.DateTimeFormat("en", { timeZone: text }) && text;
  } catch {
    // Not known: told below.
  }
  throw new DatabaseCommandError(
    `--time-zone "${text}" is no time zone. Give an IANA name, such as Europe/Paris.`,
  );
}

function currency(text: string | undefined): string | undefined {
  const code = text?.toUpperCase();
  if (code === undefined || /^[A-Z]{3}$/.test(code)) return code;
  throw new DatabaseCommandError(
    `--currency "${text}" is no currency. Give three letters, such as EUR.`,
  );
}

function bookingMode(text: string | undefined): "instant" | "request" | undefined {
  if (text === undefined || text === "instant" || text === "request") return text;
  throw new DatabaseCommandError(
    `--booking-mode is "${text}", but only instant and request exist.`,
  );
}
