/**
 * `npm run import:inside-airbnb -- DIR`: writes a city in the format of Inside Airbnb into the
 * database. Here is the order of things and what is printed; reading, understanding and writing
 * are in the modules beside.
 */
import type { Pool } from "pg";
import { type Config, loadConfig } from "../../config/index.ts";
import { createLogger } from "../../resources/logger.ts";
import { createPool, explainConnectError } from "../../resources/postgres.ts";
import { migrate } from "../db/migrate.ts";
import { runCommand } from "../shared/command.ts";
import { DatabaseCommandError, describeFailure } from "../shared/errors.ts";
import { type CalendarStore, formatDay, nightsOf, parseDay } from "./calendar.ts";
import { type Currency, chooseCurrency, requireTraded } from "./currency.ts";
import {
  type CityFacts,
  cellsOf,
  type Notice,
  REQUIRED_COLUMNS,
  RowFault,
  readListing,
  withNights,
} from "./listing.ts";
import { type ImportOptions, readOptions, USAGE } from "./options.ts";
import type { PlaceGuess } from "./place.ts";
import { startProgress } from "./progress.ts";
import { ImportReport } from "./report.ts";
import { type CityFiles, type Columns, findCityFiles, readHeader, readRows } from "./source.ts";
import { CALENDAR_COLUMNS, readCalendar, type Survey, surveyListings } from "./survey.ts";
import {
  type Answer,
  type Box,
  boxOf,
  LANES,
  type Prepared,
  todayIn,
  tradedCurrencies,
  writeListings,
} from "./writer.ts";

/** One listing and its nights; far above what any takes. */
const STATEMENT_TIMEOUT_MS = 30_000;

/** Files whose headers have been checked. */
export interface OpenedCity {
  readonly files: CityFiles;
  readonly listingColumns: Columns;
  readonly calendarColumns: Columns | undefined;
}

/** Where the lines for the person go, and what stops the import between two listings. */
export interface ImportContext {
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

/** How an import ended. */
export interface ImportResult {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: number;
  readonly blockedNights: number;
  readonly datedRates: number;
  readonly isStopped: boolean;
  /**
   * 0, 2 when there were listings and none could be written, 3 when nights are not known for want
   * of calendar rows that can be read, 130 when it was stopped.
   */
  readonly exitCode: number;
}

/**
 * Finds the files and checks their headers; touches nothing else.
 * @throws {DatabaseCommandError} with what is wrong and what to do
 */
export async function openCity(dir: string): Promise<OpenedCity> {
  const files = await findCityFiles(dir);
  const listingColumns = await readHeader(files.listings, REQUIRED_COLUMNS);
  const { calendar } = files;
  const calendarColumns =
    calendar === undefined ? undefined : await readHeader(calendar, CALENDAR_COLUMNS);
  return { files, listingColumns, calendarColumns };
}

/**
 * Imports a city: both files are read to their ends first, then each listing is written whole.
 * @throws {DatabaseCommandError} before anything is written when files or options are unfit; later
 *   only when the database fails
 */
export async function importCity(
  config: Config,
  city: OpenedCity,
  options: ImportOptions,
  context: ImportContext,
): Promise<ImportResult> {
  const startedAt = performance.now();
  const pool = openPool(config);
  const report = new ImportReport(options.report);
  let store: CalendarStore | undefined;
  try {
    const { visitor } = config.database;
    const traded = await tradedCurrencies(pool, visitor).catch(connectionFault(config));
    if (options.currency !== undefined) requireTraded(traded, options.currency);
    const survey = await surveyListings(city.files, city.listingColumns, context.signal);
    const settled = settle(city, survey, options, traded, context);
    const today = await todayIn(pool, visitor, settled.timeZone);
    const facts: CityFacts = { ...settled, today };
    store = await openCalendar(city, survey, facts.currency, report, context);
    const shiftDays = shiftOf(store, today, options, context);
    const progress = startProgress("Writing listings", survey.rows);
    let rows = 0;
    try {
      const listings = prepare(city, facts, { survey, store, shiftDays, report });
      await writeListings(pool, listings, report, {
        signal: context.signal,
        onRow: () => {
          rows += 1;
          progress.update(rows);
        },
      });
    } finally {
      progress.stop();
    }
    const isStopped = context.signal.aborted;
    summarise(report, { isStopped, rows: survey.rows, startedAt }, context);
    if (report.written > 0) showSearch(await boxOf(pool, visitor, settled.place), context);
    return resultOf(report, isStopped);
  } catch (error) {
    if (!context.signal.aborted || !isAbort(error)) throw error;
    context.print("Stopped before anything was written.");
    return resultOf(report, true);
  } finally {
    store?.close();
    report.close();
    await pool.end();
  }
}

function openPool(config: Config): Pool {
  const { url } = config.database;
  if (url === undefined) throw new DatabaseCommandError("DATABASE_URL is not set. Set it.");
  const database = { ...config.database, url };
  return createPool({ database }, createLogger({ level: "silent" }), {
    applicationName: "staybase-import",
    max: LANES,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
}

function connectionFault(config: Config): (error: unknown) => never {
  return (error) => {
    if (error instanceof DatabaseCommandError) throw error;
    throw explainConnectError(error, config.database.url);
  };
}

/** Decides what the options leave open, and says what it assumed and how to say otherwise. */
function settle(
  city: OpenedCity,
  survey: Survey,
  options: ImportOptions,
  traded: readonly Currency[],
  { print }: ImportContext,
): Omit<CityFacts, "today"> {
  const { files } = city;
  if (survey.rows === 0) {
    throw new DatabaseCommandError(`${files.listings.name} has a header and no rows.`);
  }
  const guess = survey.votes.guess(files.dir);
  const name = options.city ?? guess.city;
  const countryCode = options.countryCode ?? guess.countryCode;
  const timeZone = options.timeZone ?? guess.timeZone;
  const missing = [
    ...(name === undefined ? ["--city"] : []),
    ...(countryCode === undefined ? ["--country"] : []),
    ...(timeZone === undefined ? ["--time-zone"] : []),
  ];
  if (name === undefined || countryCode === undefined || timeZone === undefined) {
    throw new DatabaseCommandError(
      `The files do not tell where the city is. Say it with ${missing.join(", ")}.`,
    );
  }
  // A region that was guessed belongs to the city that was guessed.
  const guessedRegion = options.city === undefined ? guess.region : undefined;
  const region = options.region ?? guessedRegion ?? null;
  const { currency, why } = chooseCurrency(traded, options.currency, countryCode);
  print(`Importing ${files.dir}`);
  const place = [name, region, countryCode].filter((part) => part !== null).join(", ");
  print(`  place      ${place} ${placeNote(options, guess)}`);
  print(`  time zone  ${timeZone} ${zoneNote(options, guess, survey.rows)}`);
  print(`  currency   ${currency.code} (${why})`);
  const { hasOldRatings } = survey;
  if (hasOldRatings) print("  ratings    up to 100 and 10, as in old files; made 1 to 5");
  return {
    columns: city.listingColumns,
    place: { city: name, region, countryCode },
    timeZone,
    currency,
    bookingMode: options.bookingMode ?? null,
    hasOldRatings,
    assumeFree: options.assumeFree === true,
  };
}

function placeNote(options: ImportOptions, guess: PlaceGuess): string {
  const from = options.city === undefined ? `city from ${guess.citySource}; ` : "";
  return `(${from}--city, --region, --country)`;
}

function zoneNote(options: ImportOptions, guess: PlaceGuess, rows: number): string {
  if (options.timeZone !== undefined) return "(--time-zone)";
  const { inOtherZones } = guess;
  const others = inOtherZones === 0 ? "" : `, though ${inOtherZones} of ${rows} lie in another`;
  return `(from the coordinates${others}; --time-zone)`;
}

async function openCalendar(
  city: OpenedCity,
  survey: Survey,
  currency: Currency,
  report: ImportReport,
  { print, signal }: ImportContext,
): Promise<CalendarStore | undefined> {
  const { calendar } = city.files;
  if (calendar === undefined || city.calendarColumns === undefined) {
    print(
      "  calendar   none: no calendar.csv.gz, so nights keep what an earlier one said, else they " +
        "are not sold; --assume-free",
    );
    return undefined;
  }
  const wanted = { ids: survey.ids, currency };
  const read = await readCalendar(calendar, city.calendarColumns, wanted, report, signal);
  const { store } = read;
  const rows = read.rows.toLocaleString("en");
  const span =
    store.firstDay === undefined || store.lastDay === undefined
      ? "none of which can be used"
      : `${formatDay(store.firstDay)} to ${formatDay(store.lastDay)}`;
  print(`  calendar   ${rows} days, ${span}`);
  return store;
}

/**
 * By how many days to move the calendar: whole weeks, for weekends have prices of their own. It
 * then begins today or up to six days ago, so that no coming night is without a word.
 */
function shiftOf(
  store: CalendarStore | undefined,
  today: string,
  options: ImportOptions,
  { print }: ImportContext,
): number {
  const todayDay = parseDay(today);
  const { usualFirstDay, lastDay } = store ?? {};
  if (usualFirstDay === undefined || lastDay === undefined || todayDay === undefined) return 0;
  if (options.shiftToToday === true) {
    const weeks = Math.floor((todayDay - usualFirstDay) / 7);
    const begins = formatDay(usualFirstDay + weeks * 7);
    print(`  dates      moved by ${weeks} weeks, so that most calendars begin on ${begins}`);
    return weeks * 7;
  }
  if (lastDay < todayDay) {
    print("  dates      all in the past, so no coming night is sold; --shift-to-today moves them");
  }
  return 0;
}

interface Preparation {
  readonly survey: Survey;
  readonly store: CalendarStore | undefined;
  readonly shiftDays: number;
  readonly report: ImportReport;
}

/** The listings of the file, ready to be written, one by one. */
async function* prepare(
  city: OpenedCity,
  facts: CityFacts,
  preparation: Preparation,
): AsyncGenerator<Prepared, void, undefined> {
  const seen = new Set<string>();
  let row = 0;
  for await (const cells of readRows(city.files.listings)) {
    row += 1;
    const id = cellsOf(facts.columns, cells)("id");
    try {
      if (seen.has(id)) throw new RowFault("an earlier row has the same id");
      const prepared = prepareOne(row, id, cells, facts, preparation);
      seen.add(id);
      yield prepared;
    } catch (error) {
      if (!(error instanceof RowFault)) throw error;
      yield { row, id: id.slice(0, 40), fault: error.message };
    }
  }
}

function prepareOne(
  row: number,
  id: string,
  cells: readonly string[],
  facts: CityFacts,
  { store, shiftDays, report }: Preparation,
): Prepared {
  const read = readListing(cells, facts);
  const runs = store?.runsOf(id) ?? [];
  const nights = nightsOf(runs, read.baseAmount, shiftDays);
  const notices: Notice[] = [...read.notices];
  if (nights.blockedNights === null && !facts.assumeFree) {
    notices.push({ kind: "no_calendar", text: "has no calendar row that can be read" });
  }
  const onWritten = (answer: Answer): void => {
    for (const notice of notices) report.notice(row, id, notice);
    if (answer === "older") return;
    report.blockedNights += nights.blockedCount;
    report.datedRates += nights.datedRates.length;
    report.unknownAmenities(read.unknownAmenities);
  };
  return { row, id, listing: withNights(read, nights), onWritten };
}

function summarise(
  report: ImportReport,
  run: { readonly isStopped: boolean; readonly rows: number; readonly startedAt: number },
  { print }: ImportContext,
): void {
  for (const line of report.warnings()) print(line);
  const amenities = report.amenityLine();
  if (amenities !== undefined) print(amenities);
  const number = (value: number): string => value.toLocaleString("en");
  const { created, updated, unchanged } = report.outcomes;
  if (run.isStopped) {
    const done = number(report.written + report.skippedListings);
    print(
      `Stopped after ${done} of ${number(run.rows)} rows; the same command goes on from there.`,
    );
  }
  const skipped = report.skippedListings;
  if (report.written === 0 && skipped > 0) print("No listing could be written.");
  if (unchanged > 0 && unchanged === report.written) {
    print(`Nothing changed: all ${number(unchanged)} listings are as they were.`);
  }
  print(
    `Listings: ${number(created)} created, ${number(updated)} updated, ` +
      `${number(unchanged)} unchanged, ${number(skipped)} skipped. ` +
      `Calendar: ${number(report.blockedNights)} nights blocked, ` +
      `${number(report.datedRates)} dated rates.`,
  );
  if (isUnsure(report)) print("Not all nights are known: see above. The exit code is 3.");
  const seconds = ((performance.now() - run.startedAt) / 1000).toFixed(1);
  const megabytes = Math.ceil(process.resourceUsage().maxRSS / 1024);
  print(`It took ${seconds} s and ${megabytes} MB at most.`);
}

/** The query that shows what was imported. */
function showSearch(box: Box | undefined, { print }: ImportContext): void {
  if (box === undefined) return;
  const { west, south, east, north } = box;
  print(`See it with npm start, in GraphiQL:
  {
    searchListings(west: ${west}, south: ${south}, east: ${east}, north: ${north}, pageSize: 20) {
      nodes { nightlyFloorAmount currency listing { id title bookingMode averageRating } }
    }
  }`);
}

function resultOf(report: ImportReport, isStopped: boolean): ImportResult {
  const failed = report.written === 0 && report.skippedListings > 0;
  return {
    ...report.outcomes,
    skipped: report.skippedListings,
    blockedNights: report.blockedNights,
    datedRates: report.datedRates,
    isStopped,
    exitCode: isStopped ? 130 : failed ? 2 : isUnsure(report) ? 3 : 0,
  };
}

/** Whether something of the calendar was missing or could not be read. */
function isUnsure(report: ImportReport): boolean {
  return report.skippedDays + report.unpricedDays + report.untoldListings > 0;
}

function isAbort(error: unknown): boolean {
  return typeof error === "object" && error !== null && Reflect.get(error, "name") === "AbortError";
}

/** Options and headers are looked at before a database is started for the command. */
async function main(args: readonly string[]): Promise<void> {
  let options: ImportOptions | undefined;
  let city: OpenedCity;
  try {
    options = readOptions(args);
    if (options === undefined) {
      console.log(USAGE);
      return;
    }
    city = await openCity(options.dir);
  } catch (error) {
    console.error(describeFailure(error));
    process.exitCode = 1;
    return;
  }
  const asked = options;
  await runCommand(async (config, { signal }) => {
    const print = (line: string): void => console.log(line);
    // The embedded database may be new: it gets its schema here, as npm start would give it.
    if (loadConfig().database.url === undefined) await migrate(config);
    const { exitCode } = await importCity(config, city, asked, { signal, print });
    process.exitCode = exitCode;
  });
}

if (import.meta.main) await main(process.argv.slice(2));
