/**
 * Turns one row of the detailed listings file into what `app_private.import_listing` takes. It
 * decides what is written where our limits are narrower than the file, and says so in notices; the
 * nights come from the calendar, and nothing here touches a file or the database.
 */
import { types } from "pg";
import { amenityCodes } from "./amenities.ts";
import { type Nights, parseDay } from "./calendar.ts";
import type { Place } from "./place.ts";
import type { Columns } from "./source.ts";
import {
  httpsUrl,
  isNamed,
  type Minor,
  parseFlag,
  parseNumber,
  parsePrice,
  plainLine,
  plainText,
  shorten,
} from "./text.ts";

/** Without these there is no listing. What else the file has is used where it is there. */
export const REQUIRED_COLUMNS = [
  "id",
  "name",
  "picture_url",
  "host_id",
  "host_name",
  "latitude",
  "longitude",
  "room_type",
  "accommodates",
  "amenities",
  "price",
  "minimum_nights",
  "maximum_nights",
] as const;

/** Sixteen guests and 730 nights are the limits of app_public.listings. */
const [MOST_GUESTS, MOST_NIGHTS, MOST_AMENITIES] = [16, 730, 500];
/** The most that app_public.listing_rates takes, in minor units. */
export const HIGHEST_AMOUNT = 100_000_000_000;

const TYPES: Readonly<Record<string, string>> = {
  "entire home/apt": "entire_home",
  "private room": "private_room",
  "shared room": "shared_room",
  "hotel room": "hotel_room",
};

/** Why a row is no listing; the message is the reason that people read. */
export class RowFault extends Error {
  override readonly name = "RowFault";
}

/** Kinds of what was written otherwise than the file has it, or left out. */
export type NoticeKind =
  | "no_price"
  | "no_picture"
  | "no_calendar"
  | "on_request"
  | "host"
  | "older"
  | "date"
  | "filled"
  | "cut"
  | "amenities"
  | "guests"
  | "nights"
  | "rooms"
  | "unnamed";

export interface Notice {
  readonly kind: NoticeKind;
  readonly text: string;
}

/** What is the same for all rows of a city. */
export interface CityFacts {
  readonly columns: Columns;
  readonly place: Place;
  readonly timeZone: string;
  /** A snapshot of a later day cannot be. */
  readonly today: string;
  readonly currency: Minor & { readonly code: string };
  /** How all are booked; null takes it from the file. */
  readonly bookingMode: "instant" | "request" | null;
  /** Whether nights are free of which no calendar has told. */
  readonly assumeFree: boolean;
  /** Whether the ratings are those of old files; see `RATINGS`. */
  readonly hasOldRatings: boolean;
}

/**
 * The columns `review_scores_...` and what old files, where the overall rating goes up to 100 and
 * the others up to 10, have to be divided by for our 1 to 5.
 */
const RATINGS = {
  rating: 20,
  accuracy: 2,
  cleanliness: 2,
  checkin: 2,
  communication: 2,
  location: 2,
  value: 2,
} as const;
const MOST_STARS = 5;

/** Whether a row has a rating that only old files have. */
export function hasOldRating(cell: Cell): boolean {
  return Object.keys(RATINGS).some(
    (name) => (parseNumber(cell(`review_scores_${name}`)) ?? 0) > MOST_STARS,
  );
}

/** A row as read: `listing` lacks only the nights. */
export interface ReadListing {
  readonly listing: Readonly<Record<string, unknown>>;
  readonly baseAmount: number | null;
  readonly notices: readonly Notice[];
  readonly unknownAmenities: readonly string[];
}

type Cell = (column: string) => string;

/** Access to the cells of a row by column; an absent column is an empty cell. */
export function cellsOf(columns: Columns, cells: readonly string[]): Cell {
  return (column) => {
    const index = columns.get(column);
    return (index === undefined ? undefined : cells[index])?.trim() ?? "";
  };
}

/**
 * The id of a row, as text: ids exceed what a number holds.
 * @throws {RowFault} when there is none
 */
export function listingIdOf(cell: Cell): string {
  const fault = idFault(cell("id"));
  if (fault !== undefined) throw new RowFault(`the id ${fault}`);
  return cell("id");
}

/** Why a text is no id of Inside Airbnb; undefined where it is one. */
export function idFault(id: string): string | undefined {
  if (/^\d{1,30}$/.test(id)) return undefined;
  const rounded = /^\d+([.,]\d+)?E\+?\d+$/i.test(id);
  const hint = rounded ? "; a spreadsheet program has rounded it, take the file as published" : "";
  return `"${id.slice(0, 40)}" is not a whole number${hint}`;
}

/** @throws {RowFault} where the coordinates are missing or not on earth */
export function coordinatesOf(cell: Cell): { longitude: number; latitude: number } {
  const [longitude, latitude] = [parseNumber(cell("longitude")), parseNumber(cell("latitude"))];
  const onEarth =
    longitude !== undefined &&
    latitude !== undefined &&
    Math.abs(longitude) <= 180 &&
    Math.abs(latitude) <= 90;
  if (onEarth && (longitude !== 0 || latitude !== 0)) return { longitude, latitude };
  if (onEarth) throw new RowFault("latitude and longitude are 0, which stands for no place");
  throw new RowFault(
    `latitude "${cell("latitude")}" and longitude "${cell("longitude")}" are no place on earth`,
  );
}

/** @throws {RowFault} with the reason, where the row cannot be a listing */
export function readListing(cells: readonly string[], facts: CityFacts): ReadListing {
  const cell = cellsOf(facts.columns, cells);
  const notices = new Map<NoticeKind, string[]>();
  const note = (kind: NoticeKind, text: string): void => {
    notices.set(kind, [...(notices.get(kind) ?? []), text]);
  };
  const externalId = listingIdOf(cell);
  const type = TYPES[cell("room_type").toLowerCase()];
  if (type === undefined) throw new RowFault(`the room type "${cell("room_type")}" is unknown`);
  const baseAmount = readBaseAmount(cell, facts.currency, note);
  const amenities = readAmenities(cell("amenities"), note);
  const picture = httpsUrl(cell("picture_url"));
  if (picture === null) note("no_picture", "has no picture, so it stays a draft");
  const { city, region, countryCode } = facts.place;
  const listing = {
    externalId,
    scrapedOn: readScrapedOn(cell, facts.today, note),
    host: readHost(cell, note),
    title: readTitle(cell, city, note),
    description: fitted(plainText(cell("description")), 20_000, "description", note),
    houseRules: null,
    type,
    maxGuests: readGuests(cell, note),
    ...readRooms(cell, note),
    ...readStayLimits(cell, note),
    bookingMode: facts.bookingMode ?? readBookingMode(cell, note),
    ...(facts.assumeFree ? { assumeFree: true } : {}),
    street: readStreet(cell, city, note),
    city,
    region,
    countryCode,
    timeZone: facts.timeZone,
    ...coordinatesOf(cell),
    rates:
      baseAmount === null ? null : { currency: facts.currency.code, nightlyAmount: baseAmount },
    photoUrls: picture === null ? [] : [picture],
    amenityCodes: amenities.codes,
    reviewScores: readScores(cell, facts.hasOldRatings, note),
  };
  return {
    listing,
    baseAmount,
    notices: [...notices].map(([kind, texts]) => ({ kind, text: texts.join("; ") })),
    unknownAmenities: amenities.unknown,
  };
}

/** The whole of it, as the database takes it. */
export function withNights(read: ReadListing, nights: Nights): Readonly<Record<string, unknown>> {
  const { blockedNights, toldNights, datedRates } = nights;
  return { ...read.listing, blockedNights, toldNights, datedRates };
}

type Note = (kind: NoticeKind, text: string) => void;

function fitted(text: string, most: number, what: string, note: Note): string {
  const short = shorten(text, most);
  if (short !== text) note("cut", `its ${what} is cut to ${most} characters`);
  return short;
}

/** What is written where a cell says nothing that can be read. */
function filled<T>(value: T, cell: Cell, column: string, note: Note): T {
  const found = cell(column);
  const lacks = found === "" ? `has no ${column}` : `has the ${column} "${found.slice(0, 40)}"`;
  note("filled", `${lacks}, written as ${value}`);
  return value;
}

function readBaseAmount(cell: Cell, currency: Minor, note: Note): number | null {
  const amount = parsePrice(cell("price"), currency);
  if (amount && amount <= HIGHEST_AMOUNT) return amount;
  const price = cell("price").slice(0, 40);
  const what = amount ? `the price "${price}", which is no amount` : "no price";
  note("no_price", `has ${what}, so it stays a draft`);
  return null;
}

/** The file has no streets; the neighbourhood is the nearest to one. */
function readStreet(cell: Cell, city: string, note: Note): string {
  const street = plainLine(cell("neighbourhood_cleansed"));
  if (isNamed(street)) return fitted(street, 300, "neighbourhood", note);
  return filled(city, cell, "neighbourhood_cleansed", note);
}

function readBookingMode(cell: Cell, note: Note): "instant" | "request" {
  const hasLimits = [cell("minimum_nights"), cell("maximum_nights")].every(
    (text) => parseNumber(text) !== undefined,
  );
  if (parseFlag(cell("instant_bookable")) === true && hasLimits) return "instant";
  note("on_request", "is booked on request, so it is not found with dates and not bookable yet");
  return "request";
}

/** The day of the snapshot; null, the oldest, where it cannot be read or is still to come. */
function readScrapedOn(cell: Cell, today: string, note: Note): string | null {
  const text = cell("last_scraped");
  if (parseDay(text) !== undefined && text <= today) return text;
  note("date", `last_scraped "${text.slice(0, 40)}" is no past day, so any other is newer`);
  return null;
}

function readHost(cell: Cell, note: Note): Record<string, unknown> {
  const externalId = cell("host_id");
  const fault = idFault(externalId);
  if (fault !== undefined) throw new RowFault(`the host id ${fault}`);
  const name = fitted(plainLine(cell("host_name")), 80, "host's name", note);
  if (name === "") note("unnamed", `its host has no name and is called Host ${externalId}`);
  const since = cell("host_since");
  return {
    externalId,
    displayName: name === "" ? `Host ${externalId}` : name,
    bio: fitted(plainText(cell("host_about")), 5000, "host's text", note),
    avatarUrl: httpsUrl(cell("host_picture_url")) ?? httpsUrl(cell("host_thumbnail_url")),
    hostSince:
      parseDay(since) === undefined ? filled(null, cell, "host_since", note) : `${since}T00:00:00Z`,
  };
}

function readTitle(cell: Cell, city: string, note: Note): string {
  const name = plainLine(cell("name"));
  if (name !== "") return fitted(name, 200, "name", note);
  const kind = shorten(plainLine(cell("property_type")) || plainLine(cell("room_type")), 100);
  const title = `${kind} in ${city}`;
  note("unnamed", `has no name and is called "${title}"`);
  return title;
}

function readGuests(cell: Cell, note: Note): number {
  const guests = parseNumber(cell("accommodates"));
  if (guests === undefined) {
    throw new RowFault(`accommodates "${cell("accommodates").slice(0, 40)}" is not a number`);
  }
  const written = clamp(Math.floor(guests), 1, MOST_GUESTS);
  if (written !== guests) note("guests", `accommodates ${guests}, written as ${written}`);
  return written;
}

/**
 * Bedrooms, beds and bathrooms. Where the columns are empty, the text of the bathrooms counts, then
 * the name: some snapshots have "Rental unit in Albany · 2 bedrooms · 3 beds · 1.5 baths" there.
 */
function readRooms(cell: Cell, note: Note): Record<string, number> {
  const name = cell("name");
  const inName = (what: RegExp): number | undefined => parseNumber(what.exec(name)?.[1]);
  const studio = /· Studio\b/.test(name) ? 0 : undefined;
  const bedrooms =
    parseNumber(cell("bedrooms")) ??
    inName(/· (\d+) bedrooms?\b/) ??
    studio ??
    filled(1, cell, "bedrooms", note);
  const beds =
    parseNumber(cell("beds")) ??
    inName(/· (\d+) beds?\b/) ??
    filled(Math.max(bedrooms, 1), cell, "beds", note);
  const bathrooms =
    parseNumber(cell("bathrooms")) ??
    parseBathrooms(cell("bathrooms_text")) ??
    parseBathrooms(/· ([^·]*bath[^·]*)/i.exec(name)?.[1] ?? "") ??
    filled(1, cell, "bathrooms", note);
  const written = {
    bedrooms: clamp(Math.round(bedrooms), 0, 50),
    beds: clamp(Math.round(beds), 0, 100),
    bathrooms: clamp(Math.round(bathrooms * 2) / 2, 0, 50),
  };
  const isOther = [
    [written.bedrooms, bedrooms],
    [written.beds, beds],
    [written.bathrooms, bathrooms],
  ].some(([now = 0, before = 0]) => Math.abs(now - before) > 0.5);
  if (isOther) {
    note("rooms", `has ${bedrooms} bedrooms, ${beds} beds and ${bathrooms} bathrooms`);
  }
  return written;
}

/** A number out of texts such as "1.5 shared baths", "Half-bath" and "Shared half-bath". */
export function parseBathrooms(text: string): number | undefined {
  const found = /^\s*(\d{1,4}(?:\.\d+)?)/.exec(text)?.[1];
  if (found !== undefined) return Number(found);
  return /half-bath/i.test(text) ? 0.5 : undefined;
}

/** 1125 and 2147483647 nights mean "no limit" there, and our longest stay is the limit. */
function readStayLimits(cell: Cell, note: Note): { minNights: number; maxNights: number } {
  const least = parseNumber(cell("minimum_nights")) ?? filled(1, cell, "minimum_nights", note);
  const minNights = clamp(Math.floor(least), 1, MOST_NIGHTS);
  const most =
    parseNumber(cell("maximum_nights")) ?? filled(MOST_NIGHTS, cell, "maximum_nights", note);
  const maxNights = clamp(Math.floor(most), minNights, MOST_NIGHTS);
  if (minNights !== least || most < minNights) {
    const text = `wants ${least} to ${most} nights, written as ${minNights} to ${maxNights}`;
    note("nights", text);
  }
  return { minNights, maxNights };
}

function readAmenities(text: string, note: Note): { codes: string[]; unknown: string[] } {
  const list = parseList(text);
  if (list === undefined) note("amenities", `its amenities are no list: ${text.slice(0, 40)}`);
  else if (list.length > MOST_AMENITIES) note("cut", `has ${list.length} amenities`);
  const codes = new Set<string>();
  const unknown: string[] = [];
  for (const name of list?.slice(0, MOST_AMENITIES) ?? []) {
    const known = amenityCodes(name);
    for (const code of known) codes.add(code);
    if (known.length === 0) unknown.push(name);
  }
  return { codes: [...codes].sort(), unknown };
}

/** The number of `text[]` in PostgreSQL. */
const TEXT_ARRAY: number = 1009;

/** A list in JSON, or as an array of PostgreSQL, which files until 2019 have. */
function parseList(text: string): string[] | undefined {
  if (text === "") return [];
  try {
    const isArray = text.startsWith("{") && text.endsWith("}");
    const value: unknown = isArray
      ? types.getTypeParser(TEXT_ARRAY, "text")(text)
      : JSON.parse(text);
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined;
  } catch {
    return undefined;
  }
}

function readScores(cell: Cell, isOld: boolean, note: Note): Record<string, number | null> | null {
  const reviewCount =
    parseNumber(cell("number_of_reviews")) ?? filled(0, cell, "number_of_reviews", note);
  if (reviewCount < 1) return null;
  // Guests give at least one star; some files write 0 where there is no rating.
  const score = (name: keyof typeof RATINGS): number | null => {
    const value = parseNumber(cell(`review_scores_${name}`));
    const stars = value === undefined || !isOld ? value : value / RATINGS[name];
    return stars === undefined || stars < 1 || stars > MOST_STARS ? null : stars;
  };
  return {
    reviewCount: clamp(Math.floor(reviewCount), 1, 1_000_000),
    rating: score("rating"),
    accuracy: score("accuracy"),
    cleanliness: score("cleanliness"),
    checkIn: score("checkin"),
    communication: score("communication"),
    location: score("location"),
    value: score("value"),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
