/**
 * Works out in which city, country and time zone the listings of a file lie, from what hosts write
 * about themselves and from the coordinates. It counts votes row by row and needs no network. What
 * a person says with an option is used instead by the caller.
 */
import { basename, dirname } from "node:path";
import lookUpZone from "@photostructure/tz-lookup";
import { isNamed } from "./text.ts";

/** A place as our listings have it. */
export interface Place {
  readonly city: string;
  readonly region: string | null;
  readonly countryCode: string;
}

/** Where a place was found, for the person to judge. */
export interface PlaceGuess {
  readonly city: string | undefined;
  readonly region: string | undefined;
  readonly countryCode: string | undefined;
  readonly timeZone: string | undefined;
  /** In how many rows the coordinates lie in another zone than `timeZone`. */
  readonly inOtherZones: number;
  /** What the city was taken from. */
  readonly citySource: "the hosts' locations" | "the folder's name";
}

/** Of different spellings, so many are counted; the winner is among the first. */
const MOST_SPELLINGS = 20_000;

const US_STATES = new Set(
  (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH " +
    "NJ " +
    "NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY"
  ).split(" "),
);

/** Names that the language data does not give for a country, or gives otherwise. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  turkey: "TR",
  "czech republic": "CZ",
  "hong kong": "HK",
  macau: "MO",
  "republic of korea": "KR",
  "the netherlands": "NL",
  usa: "US",
  uk: "GB",
};

/** Counts what the rows of a city say about where it is. */
export class PlaceVotes {
  readonly #places = new Map<string, number>();
  readonly #zones = new Map<string, number>();

  /** One row: texts such as `Albany, NY` or `Paris, Île-de-France, France`, and a point. */
  add(texts: readonly string[], longitude: number, latitude: number): void {
    for (const text of texts) if (text.includes(",")) count(this.#places, text.trim());
    const zone = zoneOf(longitude, latitude);
    if (zone !== undefined) count(this.#zones, zone);
  }

  /** The place with most votes that lies in the zone with most votes. */
  guess(dir: string): PlaceGuess {
    const [timeZone, inZone = 0] = largest(this.#zones) ?? [];
    const all = [...this.#zones.values()].reduce((sum, votes) => sum + votes, 0);
    const countries = timeZone === undefined ? [] : countriesOf(timeZone);
    const cities = new Map<string, number>();
    const regions = new Map<string, Map<string, number>>();
    for (const [text, votes] of this.#places) {
      const place = parsePlace(text);
      if (place === undefined) continue;
      if (countries.length > 0 && !countries.includes(place.countryCode)) continue;
      const key = JSON.stringify([place.city, place.countryCode]);
      count(cities, key, votes);
      if (place.region === null) continue;
      const tally = regions.get(key) ?? new Map<string, number>();
      count(tally, place.region, votes);
      regions.set(key, tally);
    }
    const winner = largest(cities)?.[0];
    const [city, countryCode] = winner === undefined ? [] : (JSON.parse(winner) as string[]);
    const region = largest(regions.get(winner ?? "") ?? new Map())?.[0];
    return {
      city: city ?? cityOfFolder(dir),
      region,
      countryCode: countryCode ?? (countries.length === 1 ? countries[0] : undefined),
      timeZone,
      inOtherZones: all - inZone,
      citySource: city === undefined ? "the folder's name" : "the hosts' locations",
    };
  }
}

/** `City, ST` in the United States, `City, Country` or `City, Region, Country` elsewhere. */
export function parsePlace(text: string): Place | undefined {
  const parts = text.split(",").map((part) => part.trim());
  const [city, middle, last] = parts;
  if (city === undefined || middle === undefined || !isNamed(city) || parts.length > 3)
    return undefined;
  if (last === undefined && US_STATES.has(middle))
    return { city, region: middle, countryCode: "US" };
  const countryCode = countryNamed(last ?? middle);
  if (countryCode === undefined) return undefined;
  return { city, region: last === undefined || !isNamed(middle) ? null : middle, countryCode };
}

/** The letters of a country out of its letters or its English name. */
export function countryNamed(name: string): string | undefined {
  const text = name.trim();
  const letters = text.toUpperCase();
  if (/^[A-Z]{2}$/.test(letters) && countryNames().has(letters)) return letters;
  const lower = text.toLowerCase();
  const other = OTHER_NAMES[lower];
  if (other !== undefined) return other;
  for (const [code, known] of countryNames()) if (known.toLowerCase() === lower) return code;
  return undefined;
}

/** Codes that the language data names besides countries. */
const NO_COUNTRIES = new Set(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN"]);

let names: Map<string, string> | undefined;

function countryNames(): Map<string, string> {
  if (names !== undefined) return names;
  const english = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  names = new Map();
  for (const code of letters.flatMap((one) => letters.map((other) => one + other))) {
    // Old codes are spelled as their successors here, and X and Z codes are private.
    const isOwn = new Intl.Locale(`und-${code}`).region === code && !/^[XZ]/.test(code);
    const name = english.of(code);
    const isCountry = (isOwn && !NO_COUNTRIES.has(code)) || ["ZA", "ZM", "ZW"].includes(code);
    if (name !== undefined && isCountry) names.set(code, name);
  }
  return names;
}

/** The countries that use a time zone. */
function countriesOf(timeZone: string): string[] {
  const wanted = canonicalZone(timeZone);
  return [...countryNames().keys()].filter((code) => {
    const zones = new Intl.Locale(`und-${code}`).getTimeZones() ?? [];
    return zones.some((zone) => zone === timeZone || canonicalZone(zone) === wanted);
  });
}

function canonicalZone(zone: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return zone;
  }
}

/** The zone of a place on land; the open sea has none that people live by. */
function zoneOf(longitude: number, latitude: number): string | undefined {
  const zone = lookUpZone(latitude, longitude);
  return zone.startsWith("Etc/") ? undefined : zone;
}

/** `.../united-states/ny/albany/2024-11-05/data` is Albany. */
function cityOfFolder(dir: string): string | undefined {
  for (let at = dir; at !== dirname(at); at = dirname(at)) {
    const name = basename(at);
    if (/^(data|visualisations|\d{4}-\d{2}-\d{2})$/.test(name)) continue;
    if (/^(downloads?|desktop|documents|te?mp)$/i.test(name)) return undefined;
    const words = name.split(/[-_ ]+/).filter((word) => /^\p{L}+$/u.test(word));
    if (words.length === 0) return undefined;
    return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ");
  }
  return undefined;
}

function count(tally: Map<string, number>, key: string, votes = 1): void {
  const before = tally.get(key);
  if (before === undefined && tally.size >= MOST_SPELLINGS) return;
  tally.set(key, (before ?? 0) + votes);
}

function largest(tally: ReadonlyMap<string, number>): [string, number] | undefined {
  let best: [string, number] | undefined;
  for (const entry of tally) if (best === undefined || entry[1] > best[1]) best = entry;
  return best;
}
