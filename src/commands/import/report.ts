/**
 * Remembers what an import skipped, changed and wrote, in little memory: counts and the first few
 * of each, everything in the file of `--report`. The summary at the end is put together here.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { DatabaseCommandError, errorMessage } from "../shared/errors.ts";
import type { Notice, NoticeKind } from "./listing.ts";

const SHOWN_SKIPS = 20;
const MOST_NAMES = 50_000;
const BUFFERED_CHARACTERS = 64_000;

/** What happened to a listing. */
export type Outcome = "created" | "updated" | "unchanged";

const SENTENCES: Readonly<Record<NoticeKind, string>> = {
  no_price: "No price that can be read, so they stay drafts until their hosts set one",
  no_picture: "No picture, so they stay drafts until their hosts add one",
  no_calendar:
    "No calendar row that can be read, so nights keep what an earlier calendar said, else they " +
    "are not sold",
  on_request:
    "On request (instant_bookable is not t, or no limits of nights), so not found with dates and " +
    "not bookable yet; --booking-mode instant lets them be booked at once",
  host: "Another host than before, but booked already, so they stay with theirs",
  older: "Newer snapshots are known, so nothing but missing nights is taken over",
  date: "No day in last_scraped, so any snapshot with one is newer",
  filled: "Cells that are empty or cannot be read, so what is usual is written",
  cut: "Longer than our limits, cut",
  amenities: "Amenities that cannot be read, left out",
  guests: "Less or more guests than our 1 to 16, brought within",
  nights: "Limits of nights outside of our 1 to 730 or crossed, brought within",
  rooms: "Rooms outside of our limits, brought within",
  unnamed: "No name of their own or of the host's, given one",
};

/** Collects while the import runs. */
export class ImportReport {
  readonly outcomes: Record<Outcome, number> = { created: 0, updated: 0, unchanged: 0 };
  skippedListings = 0;
  skippedDays = 0;
  /** Calendar rows of listings that the listings file does not have. */
  strayDays = 0;
  /** Calendar rows whose price cannot be read; their nights are not free. */
  unpricedDays = 0;
  blockedNights = 0;
  datedRates = 0;
  readonly #notices = new Map<NoticeKind, number>();
  readonly #unknown = new Map<string, number>();
  #unknownCount = 0;
  readonly #skips: string[] = [];
  readonly #path: string | undefined;
  readonly #descriptor: number | undefined;
  #buffer = "";

  /** @throws {DatabaseCommandError} when the file cannot be written */
  constructor(path: string | undefined) {
    this.#path = path;
    if (path === undefined) return;
    try {
      this.#descriptor = openSync(path, "w");
    } catch (error) {
      throw new DatabaseCommandError(
        `The report cannot be written: ${errorMessage(error)}. Give another file to --report.`,
      );
    }
  }

  /** Listings whose nights the calendar does not tell. */
  get untoldListings(): number {
    return this.#notices.get("no_calendar") ?? 0;
  }

  /** How many listings are in the database now. */
  get written(): number {
    return this.outcomes.created + this.outcomes.updated + this.outcomes.unchanged;
  }

  skipListing(row: number, id: string, reason: string): void {
    this.skippedListings += 1;
    this.#skip(`listings row ${row}${id === "" ? "" : ` (id ${id})`}: ${reason}`);
  }

  skipDay(row: number, reason: string): void {
    this.skippedDays += 1;
    this.#skip(`calendar row ${row}: ${reason}`);
  }

  unpriceDay(row: number, reason: string): void {
    this.unpricedDays += 1;
    this.#write(`note     calendar row ${row}: ${reason}`);
  }

  notice(row: number, id: string, { kind, text }: Notice): void {
    this.#notices.set(kind, (this.#notices.get(kind) ?? 0) + 1);
    this.#write(`note     listings row ${row} (id ${id}): ${text}`);
  }

  unknownAmenities(names: readonly string[]): void {
    this.#unknownCount += names.length;
    for (const name of names) {
      const before = this.#unknown.get(name);
      if (before === undefined && this.#unknown.size >= MOST_NAMES) continue;
      this.#unknown.set(name, (before ?? 0) + 1);
    }
  }

  /** What was skipped, then what else there is to know, as lines; nothing where all went well. */
  warnings(): string[] {
    const lines = this.#skips.map((skip) => `Skipped: ${skip}.`);
    const more = this.skippedListings + this.skippedDays - this.#skips.length;
    if (more > 0) {
      const where = this.#path === undefined ? "--report FILE lists all" : `see ${this.#path}`;
      lines.push(`Skipped: ${more.toLocaleString("en")} more; ${where}.`);
    }
    if (this.strayDays > 0) {
      const rows = this.strayDays.toLocaleString("en");
      lines.push(`Calendar rows of listings that the file does not have, left out: ${rows}.`);
    }
    if (this.unpricedDays > 0) {
      const rows = this.unpricedDays.toLocaleString("en");
      lines.push(`Calendar prices that are no amount, so these nights are not known: ${rows}.`);
    }
    for (const [kind, count] of this.#notices) {
      const listings = count === 1 ? "1 listing" : `${count.toLocaleString("en")} listings`;
      lines.push(`${SENTENCES[kind]}: ${listings}.`);
    }
    return lines;
  }

  /** One line about the amenities that our catalogue does not have, or none. */
  amenityLine(): string | undefined {
    if (this.#unknownCount === 0) return undefined;
    const [most] = [...this.#unknown].sort((one, other) => other[1] - one[1]);
    return (
      `${this.#unknownCount.toLocaleString("en")} mentions of ${this.#unknown.size} amenities ` +
      `that we have no word for were left out, most often "${most?.[0] ?? ""}".`
    );
  }

  /** Writes what is left of the report file. */
  close(): void {
    if (this.#descriptor === undefined) return;
    for (const [name, count] of [...this.#unknown].sort((one, other) => other[1] - one[1])) {
      this.#write(`amenity  ${count} x ${JSON.stringify(name)}: not in our catalogue`);
    }
    this.#flush();
    closeSync(this.#descriptor);
  }

  #skip(text: string): void {
    if (this.#skips.length < SHOWN_SKIPS) this.#skips.push(text);
    this.#write(`skipped  ${text}`);
  }

  #write(line: string): void {
    if (this.#descriptor === undefined) return;
    this.#buffer += `${line.replace(/\s+/g, " ").replace(" ", "\t")}\n`;
    if (this.#buffer.length > BUFFERED_CHARACTERS) this.#flush();
  }

  #flush(): void {
    if (this.#descriptor !== undefined) writeSync(this.#descriptor, this.#buffer);
    this.#buffer = "";
  }
}
