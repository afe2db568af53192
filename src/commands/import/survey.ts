/**
 * Reads both files once from end to end before anything is written: so a broken file changes
 * nothing, and the city's place, the number of rows and every night are known beforehand.
 */

import { CalendarStore, parseDay } from "./calendar.ts";
import {
  cellsOf,
  coordinatesOf,
  HIGHEST_AMOUNT,
  hasOldRating,
  idFault,
  listingIdOf,
  RowFault,
} from "./listing.ts";
import { PlaceVotes } from "./place.ts";
import { startProgress } from "./progress.ts";
import type { ImportReport } from "./report.ts";
import type { CityFiles, Columns, InputFile, ReadOptions } from "./source.ts";
import { readRows } from "./source.ts";
import { type Minor, parseFlag, parsePrice } from "./text.ts";

export const CALENDAR_COLUMNS = ["listing_id", "date", "available"] as const;

/** What the listings file says as a whole. */
export interface Survey {
  readonly rows: number;
  /** The ids of its rows. */
  readonly ids: Set<string>;
  readonly votes: PlaceVotes;
  /** Whether some rating is above 5, as only in old files, where all have another scale. */
  readonly hasOldRatings: boolean;
}

/** Counts the rows, and what they say about where the city is and how old the format. */
export async function surveyListings(
  files: CityFiles,
  columns: Columns,
  signal: AbortSignal,
): Promise<Survey> {
  const votes = new PlaceVotes();
  const ids = new Set<string>();
  let rows = 0;
  let hasOldRatings = false;
  for await (const cells of withProgress("Checking listings", files.listings, signal)) {
    rows += 1;
    const cell = cellsOf(columns, cells);
    hasOldRatings ||= hasOldRating(cell);
    try {
      ids.add(listingIdOf(cell));
      const { longitude, latitude } = coordinatesOf(cell);
      votes.add([cell("host_location"), cell("neighbourhood")], longitude, latitude);
    } catch (error) {
      // The row will be skipped with this reason when its turn comes.
      if (!(error instanceof RowFault)) throw error;
    }
  }
  return { rows, ids, votes, hasOldRatings };
}

/**
 * Condenses the calendar of the listings in `ids`; reports the days that cannot be read. What
 * cannot be read is no permission: its night is not free.
 */
export async function readCalendar(
  file: InputFile,
  columns: Columns,
  { ids, currency }: { readonly ids: ReadonlySet<string>; readonly currency: Minor },
  report: ImportReport,
  signal: AbortSignal,
): Promise<{ store: CalendarStore; rows: number }> {
  const store = new CalendarStore();
  const days = memoised(parseDay);
  const flags = memoised(parseFlag);
  const prices = memoised((text) => parsePrice(text, currency));
  const at = (name: string): number => columns.get(name) ?? -1;
  const [idAt, dayAt, availableAt, priceAt] = [
    at("listing_id"),
    at("date"),
    at("available"),
    at("price"),
  ];
  let rows = 0;
  try {
    for await (const cells of withProgress("Reading calendar", file, signal)) {
      rows += 1;
      const id = cells[idAt]?.trim() ?? "";
      if (!ids.has(id)) {
        const fault = idFault(id);
        if (fault === undefined) report.strayDays += 1;
        else report.skipDay(rows, `the listing id ${fault}`);
        continue;
      }
      const day = days(cells[dayAt]?.trim() ?? "");
      if (day === undefined) {
        report.skipDay(rows, `the date "${brief(cells[dayAt])}" is none`);
        continue;
      }
      const isFree = flags(cells[availableAt] ?? "");
      if (isFree === undefined) {
        const available = brief(cells[availableAt]);
        report.skipDay(rows, `available is "${available}" instead of t or f`);
      }
      const amount = prices(cells[priceAt] ?? "");
      const isPriced = amount !== undefined && (amount ?? 0) <= HIGHEST_AMOUNT;
      if (!isPriced) {
        report.unpriceDay(rows, `the price "${brief(cells[priceAt])}" is not an amount`);
      }
      const word = isFree === false ? "blocked" : isFree && isPriced ? "free" : "unread";
      store.add(id, day, word, isPriced ? amount : null);
    }
  } catch (error) {
    store.close();
    throw error;
  }
  return { store, rows };
}

async function* withProgress(
  label: string,
  file: InputFile,
  signal: AbortSignal,
): AsyncGenerator<readonly string[], void, undefined> {
  const progress = startProgress(label, file.size);
  const options: ReadOptions = { signal, onBytes: (bytes) => progress.update(bytes) };
  try {
    yield* readRows(file, options);
  } finally {
    progress.stop();
  }
}

const MOST_REMEMBERED = 10_000;

/** Calendars repeat few dates and prices many times. */
function memoised<T>(compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const value = compute(text);
    if (known.size < MOST_REMEMBERED) known.set(text, value);
    return value;
  };
}

function brief(cell: string | undefined): string {
  return (cell ?? "").slice(0, 40);
}
