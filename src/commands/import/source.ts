/**
 * Finds the files of a city and reads them as rows of cells, as a stream. It is in charge of all
 * that can be wrong with a file before anybody asks what its cells mean: missing, empty, not gzip,
 * cut off, not UTF-8, broken CSV, missing columns.
 */
import { createReadStream } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { pipeline, Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { CsvError, parse } from "csv-parse";
import { DatabaseCommandError, errorCode, errorMessage } from "../shared/errors.ts";

/** A file of a city. */
export interface InputFile {
  readonly path: string;
  readonly name: string;
  /** Bytes on the disk, for the progress. */
  readonly size: number;
  readonly isGzip: boolean;
}

/** What a folder of Inside Airbnb holds. */
export interface CityFiles {
  readonly dir: string;
  readonly listings: InputFile;
  readonly calendar: InputFile | undefined;
}

/** Where a column is in each row. */
export type Columns = ReadonlyMap<string, number>;

export interface ReadOptions {
  /** Ends the reading, with an error of the name AbortError. */
  readonly signal?: AbortSignal;
  /** Told now and then how many bytes of the file have been read. */
  readonly onBytes?: (bytes: number) => void;
}

/** Longer than any honest row; a quote that is never closed ends here instead of in the memory. */
const LONGEST_ROW = 1_000_000;

/** Enough to tell what a file is. */
const HEAD_BYTES = 2000;

/** The summary that is published beside the detailed file under the same name. */
const SUMMARY_COLUMNS = 30;

/**
 * The files in `dir`, the gzipped one where both are there: the plain `listings.csv` that Inside
 * Airbnb publishes beside it is a summary.
 * @throws {DatabaseCommandError} when the folder or the listings are missing, or a file is unfit
 */
export async function findCityFiles(dir: string): Promise<CityFiles> {
  const folder = resolve(dir);
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) {
    throw new DatabaseCommandError(
      `There is no folder ${folder}. Give the folder into which you downloaded the city's files.`,
    );
  }
  if (!found.isDirectory()) {
    throw new DatabaseCommandError(
      `${folder} is a file. Give the folder that holds listings.csv.gz and calendar.csv.gz.`,
    );
  }
  const names = await readdir(folder).catch((error: unknown) => {
    throw new DatabaseCommandError(
      `The folder ${folder} cannot be read: ${errorMessage(error)}. Check its rights.`,
    );
  });
  const pick = async (stem: string): Promise<InputFile | undefined> => {
    const name = [`${stem}.csv.gz`, `${stem}.csv`].find((candidate) => names.includes(candidate));
    return name === undefined ? undefined : inspect(join(folder, name));
  };
  const listings = await pick("listings");
  if (listings === undefined) {
    throw new DatabaseCommandError(
      `${folder} has no listings.csv.gz and no listings.csv. Download the detailed listings of ` +
        "a city from insideairbnb.com/get-the-data into it.",
    );
  }
  return { dir: folder, listings, calendar: await pick("calendar") };
}

async function inspect(path: string): Promise<InputFile> {
  const name = basename(path);
  try {
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      const { buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      const head = buffer.subarray(0, size);
      const isGzip = head[0] === 0x1f && head[1] === 0x8b;
      if (size === 0) throw unfit(name, "is empty. Download it again");
      if (name.endsWith(".gz") && !isGzip) {
        const renamed = "is not gzip, as its name says. Download it again, or name it .csv";
        throw unfit(name, otherThanCsv(head) ?? renamed);
      }
      return { path, name, size, isGzip };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explain(error, name);
  }
}

/**
 * Reads the header and checks it.
 * @throws {DatabaseCommandError} that names every missing column
 */
export async function readHeader(file: InputFile, required: readonly string[]): Promise<Columns> {
  let header: readonly string[] = [];
  for await (const cells of readCells(file, {})) {
    header = cells.map((cell) => cell.trim());
    break;
  }
  if (header.length === 0) throw unfit(file.name, "holds no rows. Download it again");
  const columns = new Map(header.map((name, index) => [name, index]));
  if (columns.size < header.length) {
    const twice = header.find((name, index) => header.indexOf(name) !== index);
    throw unfit(file.name, `has the column "${twice}" twice. Download it again`);
  }
  const missing = required.filter((name) => !columns.has(name));
  if (missing.length === 0) return columns;
  const summary = columns.has("room_type") && columns.size < SUMMARY_COLUMNS;
  const hint = summary
    ? "This is the summary; take the detailed listings.csv.gz"
    : "Take the detailed file that Inside Airbnb publishes, as it is";
  const noun = missing.length === 1 ? "the column" : "the columns";
  throw unfit(file.name, `lacks ${noun} ${missing.join(", ")}. ${hint}`);
}

/**
 * The rows of a file without its header, as cells in the order of its columns.
 * @throws {DatabaseCommandError} at the first row that is broken; what came before has been given
 */
export async function* readRows(
  file: InputFile,
  options: ReadOptions = {},
): AsyncGenerator<readonly string[], void, undefined> {
  let isHeader = true;
  for await (const cells of readCells(file, options)) {
    if (!isHeader) yield cells;
    isHeader = false;
  }
}

async function* readCells(
  file: InputFile,
  options: ReadOptions,
): AsyncGenerator<readonly string[], void, undefined> {
  const parser = parse({ bom: true, skip_empty_lines: true, max_record_size: LONGEST_ROW });
  const bytes = countBytes(options.onBytes);
  const source = createReadStream(file.path, { signal: options.signal });
  // What fails upstream destroys the parser with its error, which ends the loop below.
  const done = (): void => {};
  if (file.isGzip) pipeline(source, bytes, createGunzip(), checkText(), parser, done);
  else pipeline(source, bytes, checkText(), parser, done);
  try {
    for await (const record of parser) yield record as readonly string[];
  } catch (error) {
    throw explain(error, file.name);
  }
}

function countBytes(onBytes: ReadOptions["onBytes"]): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, next): void {
      total += chunk.length;
      onBytes?.(total);
      next(null, chunk);
    },
  });
}

/** The message is what is to be told of the file. */
class NotCsv extends Error {}

/** What a file is instead of CSV, by its first bytes, and what to do. */
function otherThanCsv(head: Buffer): string | undefined {
  const [line = ""] = head
    .toString("utf8", 0, HEAD_BYTES)
    .trim()
    .split(/[\r\n]/, 1);
  const count = (sign: string): number => line.split(sign).length - 1;
  const published = "Take the file as it was published, with commas";
  if (line.startsWith("version https://git-lfs")) {
    return "is a pointer of Git LFS, not the file. Run git lfs pull, or download it again";
  }
  if (/^<(!doctype|html|\?xml)/i.test(line)) return "is a web page. Download the file again";
  if (line.startsWith("PK\u0003\u0004")) return "is a zip archive. Unpack it";
  if (line.includes("\0")) return "is UTF-16 or binary, not UTF-8. Take it as it was published";
  if (count(";") > count(",")) return `has semicolons between its cells. ${published}`;
  if (count("\t") > count(",")) return `has tabs between its cells. ${published}`;
  return undefined;
}

/**
 * Passes everything on that can be CSV; without it, foreign bytes would silently become question
 * marks.
 */
function checkText(): Transform {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let isFirst = true;
  const check = (chunk: Buffer | undefined): Error | null => {
    const other = isFirst && chunk !== undefined ? otherThanCsv(chunk) : undefined;
    isFirst = false;
    if (other !== undefined) return new NotCsv(other);
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
      return null;
    } catch {
      return new NotCsv("is not UTF-8. Download it again");
    }
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, next): void {
      next(check(chunk), chunk);
    },
    flush(next): void {
      next(check(undefined));
    },
  });
}

function unfit(name: string, sentence: string): DatabaseCommandError {
  return new DatabaseCommandError(`${name} ${sentence}.`);
}

/** The sentence for what went wrong while reading; other errors as they are. */
function explain(error: unknown, name: string): unknown {
  if (error instanceof DatabaseCommandError) return error;
  if (error instanceof NotCsv) return unfit(name, error.message);
  if (error instanceof CsvError) return unfit(name, `${csvFault(error)}. Download it again`);
  const code = errorCode(error) ?? "";
  if (code === "Z_BUF_ERROR") return unfit(name, "is cut off. Download it again");
  if (code.startsWith("Z_")) return unfit(name, "is damaged gzip. Download it again");
  if (code === "EACCES" || code === "EPERM") {
    return unfit(name, "may not be read by you. Change its rights");
  }
  if (code === "ENOENT" || code === "EISDIR" || code === "EIO") {
    return unfit(name, `cannot be read: ${errorMessage(error)}`);
  }
  return error;
}

function csvFault(error: CsvError): string {
  const lines: unknown = Reflect.get(error, "lines");
  const near = typeof lines === "number" ? ` near line ${lines}` : "";
  switch (error.code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return "is broken CSV: a quote is opened and never closed";
    case "CSV_MAX_RECORD_SIZE":
      return `is broken CSV: a row${near} has over ${LONGEST_ROW} characters (a quote too many?)`;
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH":
      return `is broken CSV: a row${near} has not as many cells as the header has columns`;
    default:
      return `is broken CSV${near}: ${error.message}`;
  }
}
