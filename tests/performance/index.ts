/**
 * `npm run bench`: what a request costs through GraphQL and REST, beside servers of others, in one
 * run, over the invented market: one written by hand for these four requests, Mercurius with its JIT
 * and loaders, and what Platformatic generates. It starts what it needs, makes sure that the answers
 * are the same, and prints one table. Processor time is steadier than time on the clock, so the
 * ratios are of processor time: hand-written to the other. Exit code 2 says that a goal was missed.
 * `-- --soak 10` asks ours alone, for ten minutes, and looks whether its memory grows; `-- --changes
 * 40` makes each change of a host 40 times, and looks how soon two servers that keep their answers
 * show it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { migrate } from "../../src/commands/db/migrate.ts";
import { seedDemo } from "../../src/commands/db/seed.ts";
import { type Config, loadConfig } from "../../src/config/index.ts";
import { startEmbeddedPostgres } from "../../src/dev/embeddedPostgres.ts";
import { createTokens } from "../../src/resources/tokens.ts";
import { makeKey } from "../helpers/accessTokens.ts";
import { assertSame } from "./answers.ts";
import { lateOnes, measureChanges, tableOf } from "./changes.ts";
import { type Figures, measure, rssOf } from "./load.ts";
import { FACES, type Face, type Market, MEASURED, type Measured } from "./requests.ts";
import { type Server, startServers } from "./servers.ts";
import { soak } from "./soak.ts";

const { values: options } = parseArgs({
  options: {
    clients: { type: "string", default: "1,8,32,128" },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "1" },
    faces: { type: "string", default: FACES.join() },
    requests: { type: "string", default: MEASURED.map(({ name }) => name).join() },
    soak: { type: "string" },
    changes: { type: "string" },
  },
});
const WARM_MS = 5000;
/** What the ratios of GraphQL shall be at eight clients, as far as there is a goal. */
const GOALS: Readonly<Record<string, number>> = {
  "20 listings": 0.7,
  "listing page": 0.6,
  search: 0.65,
};
/** Whom GraphQL shall be faster than: who speaks it, too. */
const RIVALS: readonly Face[] = ["mercurius", "platformatic"];
/** How many times as many answers a second as the hand-written server there shall be of kept ones. */
const KEPT_GOAL = 5;
const CLIENTS = options.clients.split(",").map(Number);
const MINUTES = options.soak === undefined ? undefined : Number(options.soak);
const CHANGES = options.changes === undefined ? undefined : Number(options.changes);
const CHOSEN = chooseFaces();

function chooseFaces(): readonly Face[] {
  if (CHANGES !== undefined) return ["kept"];
  if (MINUTES !== undefined) return ["graphql", "rest"];
  return FACES.filter((face) => options.faces.split(",").includes(face));
}

async function readMarket(url: string, key: string): Promise<Market> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // Or the server does it while others are measured.
  await client.query("vacuum (analyze)");
  const { rows: listings } = await client.query(`select id, public_longitude as longitude,
    public_latitude as latitude from app_public.listings where status = 'published' order by id`);
  const { rows: guests } = await client.query(
    "select guest_id as id from app_public.bookings group by 1 order by count(*) desc, 1 limit 1",
  );
  await client.end();
  const userId = String(guests[0]?.id);
  const tokens = createTokens({ tokens: { keys: [key], accessMinutes: 15, refreshDays: 1 } });
  const sign = () => tokens.signAccessToken({ userId, sessionId: userId, role: "visitor" });
  let signed = sign();
  return {
    listingIds: listings.map(({ id }) => id),
    places: listings,
    guestId: userId,
    // A soak lasts longer than any token.
    get guestToken() {
      if (signed.expiresAt.getTime() < Date.now() + 60_000) signed = sign();
      return signed.token;
    },
  };
}

type Servers = Readonly<Partial<Record<Face, Server>>>;

const NUMBERS = "clients,req/s,p50 ms,p95 ms,p99 ms,node µs,Postgres µs,ratio,RSS MB".split(",");

/** A line of a table as docs/performance.md has it. */
const print = (cells: readonly string[]): void => console.log(`| ${cells.join(" | ")} |`);

function printHead(texts: readonly string[], numbers: readonly string[]): void {
  print([...texts, ...numbers]);
  print([...texts.map(() => "---"), ...numbers.map(() => "--:")]);
}

function printStarts(servers: Servers): void {
  printHead(["face"], ["starts in ms", "RSS MB"]);
  for (const face of CHOSEN) {
    const server = servers[face];
    if (server === undefined || face === "rest") continue;
    print([face, server.coldStart.toFixed(0), rssOf(server.pid).toFixed(0)]);
  }
  console.log();
}

async function run(servers: Servers, postmaster: number, market: Market): Promise<void> {
  printHead(["request", "face"], NUMBERS);
  const chosen = options.requests.split(",");
  for (const measured of MEASURED.filter(({ name }) => chosen.includes(name))) {
    for (const clients of CLIENTS) {
      await compare(measured, clients, servers, postmaster, market);
    }
  }
}

async function compare(
  measured: Measured,
  clients: number,
  servers: Servers,
  postmaster: number,
  market: Market,
): Promise<void> {
  const best = new Map<Face, Figures>();
  const asked = CHOSEN.flatMap((face) => {
    const [ask, server] = [measured.of[face], servers[face]];
    return ask === undefined || server === undefined ? [] : [{ face, ask, server }];
  });
  // What is asked for the first time is planned and compiled, and that takes V8 some seconds.
  const warmMs = clients === CLIENTS[0] ? WARM_MS : WARM_MS / 10;
  for (const { ask, server } of asked) {
    await measure(server, postmaster, (index) => ask(market, index), clients, warmMs);
  }
  // In turn, so that what else the machine does meets all of them.
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const { face, ask, server } of asked) {
      const time = Number(options.seconds) * 1000;
      const askOf = (index: number) => ask(market, index);
      const figures = await measure(server, postmaster, askOf, clients, time);
      const known = best.get(face);
      if (known === undefined || total(figures) < total(known)) best.set(face, figures);
    }
  }
  judge(measured, clients, best);
  for (const [face, figures] of best) {
    const times = [figures.p50, figures.p95, figures.p99].map((ms) => ms.toFixed(1));
    const cpu = [figures.nodeCpu, figures.postgresCpu].map((us) => us.toFixed(0));
    const rate = figures.perSecond.toFixed(0);
    const floor = best.get("handwritten");
    const ratio = floor === undefined ? "" : (total(floor) / total(figures)).toFixed(2);
    const cells = [measured.name, face, String(clients), rate, ...times, ...cpu, ratio];
    print([...cells, figures.rss.toFixed(0)]);
  }
}

/** Notes which goals are missed, at eight clients. */
function judge({ name }: Measured, clients: number, best: ReadonlyMap<Face, Figures>): void {
  const ours = total(best.get("graphql"));
  if (clients !== 8 || Number.isNaN(ours)) return;
  const goal = GOALS[name];
  const ratio = total(best.get("handwritten")) / ours;
  if (goal !== undefined && ratio < goal) missed.push(`${name}: ${ratio.toFixed(2)} of ${goal}`);
  const [kept, byHand] = [best.get("kept"), best.get("handwritten")];
  if (kept !== undefined && byHand !== undefined) {
    const times = kept.perSecond / byHand.perSecond;
    if (times < KEPT_GOAL) missed.push(`${name}, kept: ${times.toFixed(1)} of ${KEPT_GOAL} times`);
  }
  for (const rival of RIVALS) {
    const theirs = total(best.get(rival));
    if (ours <= theirs || Number.isNaN(theirs)) continue;
    missed.push(`${name}: ${ours.toFixed(0)} µs, and ${rival} ${theirs.toFixed(0)} µs`);
  }
}

const total = (figures: Figures | undefined): number =>
  figures === undefined ? Number.NaN : figures.nodeCpu + figures.postgresCpu;

const missed: string[] = [];
const dir = await mkdtemp(join(tmpdir(), "staybase-bench-"));
const postgres = await startEmbeddedPostgres({ dir, ephemeral: true });
let servers: Servers = {};
let second: Server | undefined;
try {
  const config = loadConfig();
  const { url, rootUrl } = postgres;
  const fresh: Config = { ...config, database: { ...config.database, url, rootUrl } };
  await migrate(fresh);
  await seedDemo(fresh);
  const key = makeKey();
  const { visitor } = fresh.database;
  const setting = { url, rootUrl, visitor, key, dir };
  servers = await startServers(CHOSEN, setting);
  if (CHANGES !== undefined) {
    // Another process, which hears of a change as the first one does.
    second = (await startServers(CHOSEN, { ...setting, dir: join(dir, "second") })).kept;
  }
  const market = await readMarket(rootUrl, key);
  await assertSame(servers, market);
  console.log(`${market.listingIds.length} listings\n`);
  printStarts(servers);
  if (CHANGES !== undefined) {
    const ports = [servers.kept, second].flatMap((server) => server?.port ?? []);
    const delays = await measureChanges(ports, rootUrl, CHANGES);
    for (const line of tableOf(delays)) console.log(line);
    missed.push(...lateOnes(delays));
  } else if (MINUTES === undefined || servers.graphql === undefined) {
    await run(servers, postgres.pid, market);
  } else {
    const { slope, from, grows } = await soak(servers.graphql, postgres.pid, market, MINUTES);
    const words = `${slope.toFixed(2)} MB a minute from minute ${from} on`;
    console.log(grows ? `RSS grows: ${words}` : `RSS is flat: ${words}`);
    if (grows) process.exitCode = 2;
  }
} finally {
  for (const server of new Set(Object.values(servers))) server.stop();
  second?.stop();
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
}
if (missed.length > 0) {
  console.log(`\nMISSED: ${missed.join("; ")}`);
  process.exitCode = 2;
}
