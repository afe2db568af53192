/**
 * Keeps a calendar file condensed until its listings are written: for each listing, runs of days
 * that are alike. The rows may come in any order; when the runs grow too many for the memory, they
 * go to a temporary file, chained by listing. What a run means for a listing is said here too.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const DAY_MS = 86_400_000;
/** Numbers of one run: first day, day after the last, the place in `WORDS`, price or -1. */
const WIDTH = 4;
/** Numbers before the runs of one stored chain link: where the link before is, or -1; how many. */
const LINK_HEAD = 2;
const NUMBER_BYTES = 8;
/** A few MB of runs are kept in memory; a small city fits. */
const MOST_RUNS_IN_MEMORY = 60_000;
/**
 * Dates outside are mistakes; PostgreSQL would take more, a host's calendar never does. Nights that
 * no row names are blocked from the first to the last; `import_nights` has the same bounds.
 */
const [FIRST_YEAR, LAST_YEAR] = [2000, 2100];
const [FIRST_DAY, END_DAY] = [`${FIRST_YEAR}-01-01`, `${LAST_YEAR + 1}-01-01`];

/** What a row says of its night; of two rows for one night the later of these words counts. */
const WORDS = ["free", "blocked", "unread"] as const;
export type Word = (typeof WORDS)[number];

/** Nights from `from` to before `until`, as days since 1970-01-01. */
export interface Run {
  readonly from: number;
  readonly until: number;
  readonly word: Word;
  /** In minor units; null where the day names none. */
  readonly amount: number | null;
}

/** A rate for some nights, as `import_listing` takes it. */
export interface DatedRate {
  readonly nights: string;
  readonly nightlyAmount: number;
}

/** What the calendar says about one listing. */
export interface Nights {
  /**
   * What is not free, as ranges such as `[2026-01-01,2026-01-05)`, in order; null where the
   * calendar says nothing about the listing that can be read.
   */
  readonly blockedNights: readonly string[] | null;
  /** Of how many nights it says something that can be read. */
  readonly toldNights: number;
  readonly datedRates: readonly DatedRate[];
  /** How many nights the calendar itself blocks. */
  readonly blockedCount: number;
}

/** Days since 1970-01-01 of a date such as `2026-01-31`; undefined for what is none. */
export function parseDay(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const time = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== text) return undefined;
  const year = Number(text.slice(0, 4));
  return year < FIRST_YEAR || year > LAST_YEAR ? undefined : time / DAY_MS;
}

/** The date of a day, such as `2026-01-31`. */
export function formatDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** The runs of all listings. Call `close` when done. */
export class CalendarStore {
  /** First and last day of all; undefined while there is none. */
  firstDay: number | undefined;
  lastDay: number | undefined;
  readonly #mostRuns: number;
  readonly #open = new Map<string, number[]>();
  #openRuns = 0;
  readonly #firstDays = new Map<string, number>();
  readonly #links = new Map<string, number>();
  #file: { readonly descriptor: number; readonly folder: string } | undefined;
  #fileSize = 0;

  /** @param mostRuns how many runs are held in memory before they go to a file */
  constructor(mostRuns: number = MOST_RUNS_IN_MEMORY) {
    this.#mostRuns = mostRuns;
  }

  /** Adds one day; of the same day twice the later price counts, and nothing frees it again. */
  add(listingId: string, day: number, word: Word, amount: number | null): void {
    if (this.firstDay === undefined || day < this.firstDay) this.firstDay = day;
    if (this.lastDay === undefined || day > this.lastDay) this.lastDay = day;
    if (day < (this.#firstDays.get(listingId) ?? Number.POSITIVE_INFINITY)) {
      this.#firstDays.set(listingId, day);
    }
    let runs = this.#open.get(listingId);
    if (runs === undefined) {
      runs = [];
      this.#open.set(listingId, runs);
    }
    const [said, price] = [WORDS.indexOf(word), amount ?? -1];
    const last = runs.length - WIDTH;
    if (runs[last + 1] === day && runs[last + 2] === said && runs[last + 3] === price) {
      runs[last + 1] = day + 1;
      return;
    }
    runs.push(day, day + 1, said, price);
    this.#openRuns += 1;
    if (this.#openRuns > this.#mostRuns) this.#spill();
  }

  /** The runs of a listing in order of their days, none over another; none for one without. */
  runsOf(listingId: string): Run[] {
    const numbers: number[] = [];
    const chain: number[][] = [];
    for (let at = this.#links.get(listingId) ?? -1; at >= 0; ) {
      const [before = -1, ...runs] = this.#readLink(at);
      chain.push(runs);
      at = before;
    }
    for (const link of chain.reverse()) for (const value of link) numbers.push(value);
    for (const value of this.#open.get(listingId) ?? []) numbers.push(value);
    return inOrder(numbers) ? toRuns(numbers) : untangle(numbers);
  }

  /** The day on which most listings begin, the earliest of several; undefined without any. */
  get usualFirstDay(): number | undefined {
    const listings = new Map<number, number>();
    for (const day of this.#firstDays.values()) listings.set(day, (listings.get(day) ?? 0) + 1);
    const [usual] = [...listings].sort((one, other) => other[1] - one[1] || one[0] - other[0]);
    return usual?.[0];
  }

  /** Whether some of it had to go to a temporary file. */
  get hasSpilled(): boolean {
    return this.#file !== undefined;
  }

  /** Removes the temporary file, where there is one. */
  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file.descriptor);
    rmSync(this.#file.folder, { recursive: true, force: true });
    this.#file = undefined;
  }

  #spill(): void {
    if (this.#file === undefined) {
      const folder = mkdtempSync(join(tmpdir(), "staybase-import-"));
      this.#file = { descriptor: openSync(join(folder, "calendar"), "wx+", 0o600), folder };
    }
    const length = this.#openRuns * WIDTH + this.#open.size * LINK_HEAD;
    const numbers = new Float64Array(length);
    let position = 0;
    for (const [listingId, runs] of this.#open) {
      const before = this.#links.get(listingId) ?? -1;
      this.#links.set(listingId, this.#fileSize + position * NUMBER_BYTES);
      numbers[position] = before;
      numbers[position + 1] = runs.length;
      numbers.set(runs, position + LINK_HEAD);
      position += LINK_HEAD + runs.length;
    }
    const bytes = new Uint8Array(numbers.buffer);
    for (let written = 0; written < bytes.length; ) {
      const at = this.#fileSize + written;
      written += writeSync(this.#file.descriptor, bytes, written, bytes.length - written, at);
    }
    this.#fileSize += bytes.length;
    this.#open.clear();
    this.#openRuns = 0;
  }

  /** The numbers of a stored link without its length: where the one before is, then its runs. */
  #readLink(at: number): number[] {
    const [before = -1, length = 0] = this.#readNumbers(at, LINK_HEAD);
    return [before, ...this.#readNumbers(at + LINK_HEAD * NUMBER_BYTES, length)];
  }

  #readNumbers(at: number, count: number): Float64Array {
    if (this.#file === undefined) throw new Error("The calendar has been closed.");
    const numbers = new Float64Array(count);
    const bytes = new Uint8Array(numbers.buffer);
    const read = readSync(this.#file.descriptor, bytes, 0, bytes.length, at);
    if (read < bytes.length) throw new Error("The temporary file of the calendar was cut off.");
    return numbers;
  }
}

function inOrder(numbers: readonly number[]): boolean {
  for (let at = WIDTH; at < numbers.length; at += WIDTH) {
    if ((numbers[at] ?? 0) < (numbers[at - WIDTH + 1] ?? 0)) return false;
  }
  return true;
}

function toRuns(numbers: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < numbers.length; at += WIDTH) {
    const [from = 0, until = 0, said = -1, price = -1] = numbers.slice(at, at + WIDTH);
    runs.push({ from, until, word: WORDS[said] ?? "unread", amount: price < 0 ? null : price });
  }
  return runs;
}

/** Days that came out of order or twice: the last price counts, and the word that closes most. */
function untangle(numbers: readonly number[]): Run[] {
  const days = new Map<number, Run>();
  for (const run of toRuns(numbers)) {
    for (let day = run.from; day < run.until; day += 1) {
      const before = days.get(day)?.word ?? "free";
      const word = WORDS.indexOf(before) > WORDS.indexOf(run.word) ? before : run.word;
      days.set(day, { ...run, word, from: day, until: day + 1 });
    }
  }
  return [...days.values()].sort((one, other) => one.from - other.from);
}

/**
 * What to write of a listing's runs.
 * @param baseAmount the listing's own nightly rate; null where it has none, and then no dates have
 * @param shiftDays by how many days all dates move
 */
export function nightsOf(
  runs: readonly Run[],
  baseAmount: number | null,
  shiftDays: number,
): Nights {
  const spoken = (...words: Word[]): Stretch[] =>
    stretches(runs, ({ word }) => (words.includes(word) ? 1 : null));
  const toldNights = lengthOf(spoken("free", "blocked"));
  if (toldNights === 0) {
    return { blockedNights: null, toldNights, datedRates: [], blockedCount: 0 };
  }
  const rated = stretches(runs, ({ amount }) =>
    baseAmount === null || amount === baseAmount || amount === 0 ? null : amount,
  );
  const range = ({ from, until }: Stretch): string =>
    `[${formatDay(from + shiftDays)},${formatDay(until + shiftDays)})`;
  const free = spoken("free").map(({ from, until }) => [
    formatDay(from + shiftDays),
    formatDay(until + shiftDays),
  ]);
  // The nights between what is free: from each end to the next begin.
  const bounds = [FIRST_DAY, ...free.flat(), END_DAY];
  const gaps = bounds.flatMap((day, at) => (at % 2 === 0 ? [[day, bounds[at + 1]]] : []));
  return {
    blockedNights: gaps.map(([from, until]) => `[${from},${until})`),
    toldNights,
    datedRates: rated.map((part) => ({ nights: range(part), nightlyAmount: part.value })),
    blockedCount: lengthOf(spoken("blocked")),
  };
}

function lengthOf(parts: readonly Stretch[]): number {
  return parts.reduce((sum, { from, until }) => sum + until - from, 0);
}

interface Stretch {
  readonly from: number;
  readonly until: number;
  readonly value: number;
}

/** Stretches of adjacent days with the same value; days without a value are left out. */
function stretches(runs: readonly Run[], mark: (run: Run) => number | null): Stretch[] {
  const joined: Stretch[] = [];
  for (const run of runs) {
    const value = mark(run);
    if (value === null) continue;
    const last = joined.at(-1);
    if (last?.until === run.from && last.value === value) {
      joined[joined.length - 1] = { ...last, until: run.until };
    } else {
      joined.push({ from: run.from, until: run.until, value });
    }
  }
  return joined;
}
