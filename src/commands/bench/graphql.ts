/**
 * `npm run bench:graphql`: how long a search takes through the whole server, as a client sees it.
 * It asks a server that runs (`npm start`), over whatever listings it has, and prints the search
 * beside the cheapest query there is, in one run, since absolute times belong to the machine. The
 * one goal is for eight clients; exit code 2 says that it was missed.
 */
import { parseArgs } from "node:util";
import { DatabaseCommandError, describeFailure } from "../shared/errors.ts";

interface Place {
  readonly publicLongitude: number;
  readonly publicLatitude: number;
}

const SEARCH = `query ($west: Float!, $south: Float!, $east: Float!, $north: Float!,
  $checkIn: Date, $checkOut: Date) {
  searchListings(west: $west, south: $south, east: $east, north: $north,
    checkIn: $checkIn, checkOut: $checkOut, guests: 2) {
    nodes { totalAmount currency listing { id title averageRating photos { url } } }
    pageInfo { endCursor }
  }
}`;
/** The oldest listings and the newest: the invented market's and those of a city imported since. */
const PLACES = `{
  oldest: listings(first: 100) { nodes { publicLongitude publicLatitude } }
  newest: listings(last: 100) { nodes { publicLongitude publicLatitude } }
}`;
const USAGE = `Usage: npm run bench:graphql -- [options]
  --url ADDRESS  of the server that runs (default http://localhost:4000)
  --clients N    how many ask at the same time, 1 to 1000 (default 8)
  --requests N   how many searches, 1 to 1000000 (default 2000)`;
const DAY_MS = 86_400_000;
/** Milliseconds that 95 of 100 searches may take at most, and how many clients that is for. */
const GOAL = { p95: 50, clients: 8 };

interface Options {
  readonly url: string;
  readonly clients: number;
  readonly requests: number;
}

/** Numbers between 0 and 1 that are the same in each run (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function ask<T>(url: string, query: string, variables: object = {}): Promise<T> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  }).catch(() => {
    throw new DatabaseCommandError(`Nothing answers at ${url}: npm start, or give its --url.`);
  });
  const { data, errors } = (await response.json()) as { data?: T; errors?: { message: string }[] };
  if (data === undefined || errors !== undefined) {
    const reason = errors?.[0]?.message ?? "no data; --url is the address without /graphql";
    throw new DatabaseCommandError(`The server answered ${response.status}: ${reason}`);
  }
  return data;
}

/** A box of some kilometres around a listing, with dates in the next ten months. */
function searchNear(place: Place, random: () => number): object {
  const half = 0.01 + random() * 0.05;
  const start = Date.now() + (5 + Math.floor(random() * 300)) * DAY_MS;
  const date = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  return {
    west: place.publicLongitude - half,
    south: place.publicLatitude - half,
    east: place.publicLongitude + half,
    north: place.publicLatitude + half,
    checkIn: date(start),
    checkOut: date(start + (2 + Math.floor(random() * 5)) * DAY_MS),
  };
}

/** Milliseconds of each request, sorted; `clients` ask at the same time, each one after another. */
async function measure(options: Options, request: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let left = options.requests;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const started = performance.now();
      await request();
      times.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: options.clients }, client));
  return times.sort((a, b) => a - b);
}

interface Figures {
  readonly p50: number;
  readonly p95: number;
}

function report(name: string, times: readonly number[]): Figures {
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? 0;
  const [p50, p95, p99] = [at(0.5), at(0.95), at(0.99)];
  const figures = [p50, p95, p99].map((ms) => ms.toFixed(1).padStart(8)).join("");
  console.log(`${name.padEnd(28)}${figures}  ms (p50, p95, p99)`);
  return { p50, p95 };
}

/** False where the goal was missed; with another number of clients there is none. */
async function bench(options: Options): Promise<boolean> {
  const random = randomNumbers(1);
  const { oldest, newest } = await ask<Record<"oldest" | "newest", { nodes: Place[] }>>(
    options.url,
    PLACES,
  );
  const places = [...oldest.nodes, ...newest.nodes];
  if (places.length === 0) {
    throw new DatabaseCommandError("There is no listing to search for: npm run db:seed.");
  }
  const search = (): Promise<unknown> => {
    const place = places[Math.floor(random() * places.length)] ?? places[0];
    return ask(options.url, SEARCH, place === undefined ? {} : searchNear(place, random));
  };
  const nothing = (): Promise<unknown> => ask(options.url, "{ __typename }");
  await measure({ ...options, requests: 200 }, search);
  console.log(`${options.requests} requests, ${options.clients} clients, ${options.url}`);
  const least = report("{ __typename }", await measure(options, nothing));
  const searched = report("search with dates, 20 a page", await measure(options, search));
  console.log(`search : cheapest query, p50  ${(searched.p50 / least.p50).toFixed(1)}`);
  if (options.clients !== GOAL.clients) return true;
  const isReached = searched.p95 < GOAL.p95;
  const verdict = isReached ? "reached" : "MISSED";
  console.log(`p95 under ${GOAL.p95} ms at ${GOAL.clients} clients: ${verdict}`);
  return isReached;
}

/** @throws {DatabaseCommandError} with the usage, for options that make no sense */
function readOptions(args: string[]): Options {
  try {
    const { values } = parseArgs({
      args,
      options: {
        url: { type: "string", default: "http://localhost:4000" },
        clients: { type: "string", default: "8" },
        requests: { type: "string", default: "2000" },
      },
    });
    const [clients, requests] = [Number(values.clients), Number(values.requests)];
    if (!(Number.isInteger(clients) && clients >= 1 && clients <= 1000)) {
      throw new RangeError("--clients is a whole number from 1 to 1000.");
    }
    if (!(Number.isInteger(requests) && requests >= 1 && requests <= 1_000_000)) {
      throw new RangeError("--requests is a whole number from 1 to 1000000.");
    }
    return { url: values.url.replace(/\/+$/, ""), clients, requests };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new DatabaseCommandError(`${message}\n${USAGE}`);
  }
}

if (import.meta.main) {
  try {
    if (!(await bench(readOptions(process.argv.slice(2))))) process.exitCode = 2;
  } catch (error) {
    console.error(describeFailure(error));
    process.exitCode = 1;
  }
}
