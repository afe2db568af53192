/**
 * `npm run bench`: what a request costs through GraphQL and REST, beside a server that is written
 * by hand for these four requests, in one run, over the invented market. It starts what it needs,
 * makes sure that the answers are the same, and prints one table. Processor time is steadier than
 * time on the clock, so the ratios are of processor time: hand-written to ours. Exit code 2 says that
 * a goal was missed.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import pg from "pg";
import { migrate } from "../../src/commands/db/migrate.ts";
import { seedDemo } from "../../src/commands/db/seed.ts";
import { type Config, loadConfig } from "../../src/config/index.ts";
import { freePort } from "../../src/dev/dataFolder.ts";
import { startEmbeddedPostgres } from "../../src/dev/embeddedPostgres.ts";
import { createTokens } from "../../src/resources/tokens.ts";
import { memberOf } from "../../src/values.ts";
import { Caller, type Figures, measure, rssOf } from "./load.ts";
import { type Market, MEASURED, type Measured } from "./requests.ts";

const { values: options } = parseArgs({
  options: {
    clients: { type: "string", default: "1,8,32,128" },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "1" },
  },
});
const WARM_MS = 2000;
/** What the ratios of GraphQL shall be at eight clients, as far as there is a goal. */
const GOALS: Readonly<Record<string, number>> = {
  "20 listings": 0.7,
  "listing page": 0.6,
  search: 0.65,
};
const CLIENTS = options.clients.split(",").map(Number);

type Face = "graphql" | "rest" | "handwritten";
const FACES: readonly Face[] = ["handwritten", "graphql", "rest"];

interface Server {
  readonly pid: number;
  readonly port: number;
  /** Milliseconds until it answered. */
  readonly coldStart: number;
  stop(): void;
}

async function startServer(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  path: string,
): Promise<Server> {
  const port = await freePort(undefined);
  const started = performance.now();
  const child = spawn(
    process.execPath,
    args.map((each) => each.replace("PORT", String(port))),
    {
      env: { PATH: process.env.PATH ?? "", ...env, PORT: String(port) },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const words: string[] = [];
  child.stderr.on("data", (chunk: Buffer) => words.push(chunk.toString()));
  const caller = new Caller(port, 1);
  const answers = async (): Promise<boolean> =>
    (await caller.ask({ method: "GET", path }).catch(() => undefined))?.status === 200;
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error(`A server ended: ${words.join("")}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  caller.close();
  const coldStart = performance.now() - started;
  return { pid: child.pid ?? 0, port, coldStart, stop: () => void child.kill("SIGTERM") };
}

async function readMarket(url: string, secret: string): Promise<Market> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows: listings } = await client.query(`select id, public_longitude as longitude,
    public_latitude as latitude from app_public.listings where status = 'published' order by id`);
  const { rows: guests } = await client.query(
    "select guest_id as id from app_public.bookings group by 1 order by count(*) desc, 1 limit 1",
  );
  await client.end();
  const userId = String(guests[0]?.id);
  const tokens = createTokens({ tokens: { secret, accessMinutes: 600 } } as unknown as Config);
  const { token } = tokens.signAccessToken({ userId, sessionId: userId, role: "visitor" });
  return { listingIds: listings.map(({ id }) => id), places: listings, guestToken: token };
}

/** The rows or the object of an answer, without what only one face wraps around it. */
function contentOf(text: string): unknown {
  const body: unknown = JSON.parse(text);
  const data = memberOf(body, "data");
  const root = data === undefined ? body : Object.values(data ?? {})[0];
  const nodes = memberOf(root, "nodes") ?? memberOf(root, "listing") ?? root;
  return normal(nodes);
}

/** Without the case of words: GraphQL writes enums in capitals. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value === "string") return value.toLowerCase();
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, normal(inner)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The hand-written server is measured only if it says the same as GraphQL. */
async function assertSame(servers: Record<Face, Server>, market: Market): Promise<void> {
  for (const { name, of } of MEASURED) {
    for (let index = 0; index < 50; index += 7) {
      const [hand, ours] = await Promise.all(
        (["handwritten", "graphql"] as const).map(async (face) => {
          const caller = new Caller(servers[face].port, 1);
          const ask = of[face]?.(market, index);
          if (ask === undefined) throw new Error(`${face} has no ${name}.`);
          const { text } = await caller.ask(ask);
          caller.close();
          return contentOf(text);
        }),
      );
      if (isDeepStrictEqual(hand, ours)) continue;
      const words = JSON.stringify({ hand, ours }, null, 1).slice(0, 4000);
      throw new Error(`${name}: the answers differ: ${words}`);
    }
  }
}

const LINE = [16, 13, 8, 8, 8, 8, 8, 10, 10, 8, 9];
const HEAD = "request,face,clients,req/s,p50,p95,p99,node us,pg us,ratio,RSS MB".split(",");
const print = (cells: readonly string[]): void =>
  console.log(cells.map((cell, index) => cell.padStart(LINE[index] ?? 8)).join(""));

async function run(
  servers: Record<Face, Server>,
  postmaster: number,
  market: Market,
): Promise<void> {
  print(HEAD);
  for (const measured of MEASURED) {
    for (const clients of CLIENTS) {
      await compare(measured, clients, servers, postmaster, market);
    }
  }
}

async function compare(
  { name, of }: Measured,
  clients: number,
  servers: Record<Face, Server>,
  postmaster: number,
  market: Market,
): Promise<void> {
  const best = new Map<Face, Figures>();
  // What is asked for the first time is planned and compiled.
  for (const face of FACES) {
    const askOf = of[face];
    if (askOf === undefined) continue;
    await measure(servers[face], postmaster, (index) => askOf(market, index), clients, WARM_MS);
  }
  // In turn, so that what else the machine does meets all of them.
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const face of FACES) {
      const askOf = of[face];
      if (askOf === undefined) continue;
      const ask = (index: number) => askOf(market, index);
      const time = Number(options.seconds) * 1000;
      const figures = await measure(servers[face], postmaster, ask, clients, time);
      const known = best.get(face);
      if (known === undefined || total(figures) < total(known)) best.set(face, figures);
    }
  }
  const floor = total(best.get("handwritten"));
  for (const [face, figures] of best) {
    const ratio = (floor / total(figures)).toFixed(2);
    const goal = GOALS[name];
    if (face === "graphql" && clients === 8 && goal !== undefined && Number(ratio) < goal) {
      missed.push(`${name}: ${ratio} of ${goal}`);
    }
    const times = [figures.p50, figures.p95, figures.p99].map((ms) => ms.toFixed(1));
    const cpu = [figures.nodeCpu, figures.postgresCpu].map((us) => us.toFixed(0));
    const rate = figures.perSecond.toFixed(0);
    print([name, face, String(clients), rate, ...times, ...cpu, ratio, figures.rss.toFixed(0)]);
  }
}

const total = (figures: Figures | undefined): number =>
  figures === undefined ? Number.NaN : figures.nodeCpu + figures.postgresCpu;

const missed: string[] = [];
const dir = await mkdtemp(join(tmpdir(), "staybase-bench-"));
const postgres = await startEmbeddedPostgres({ dir, ephemeral: true });
const servers: Partial<Record<Face, Server>> = {};
try {
  const config = loadConfig();
  const { url, rootUrl } = postgres;
  const fresh: Config = { ...config, database: { ...config.database, url, rootUrl } };
  await migrate(fresh);
  await seedDemo(fresh);
  const secret = randomBytes(32).toString("hex");
  const env = { DATABASE_URL: url, JWT_SECRET: secret };
  const ours = await startServer(
    ["--max-old-space-size=288", "src/server.ts"],
    {
      ...env,
      NODE_ENV: "production",
      ALLOW_STAND_INS: "true",
      PUBLIC_URL: "https://bench.example",
      MAIL_FROM: "Bench <bench@bench.example>",
      DATA_DIR: dir,
      // Nothing of these four requests asks them.
      STAGING: "true",
      STRIPE_SECRET_KEY: "sk_test_bench",
      STRIPE_PUBLISHABLE_KEY: "pk_test_bench",
      STRIPE_WEBHOOK_SECRET: "whsec_bench",
      SMTP_URL: "smtp://127.0.0.1:9",
    },
    "/readyz",
  );
  servers.graphql = ours;
  servers.rest = ours;
  servers.handwritten = await startServer(
    ["tests/performance/peers/handwritten.ts", "PORT", fresh.database.visitor, secret],
    env,
    "/list",
  );
  const all = servers as Record<Face, Server>;
  const market = await readMarket(rootUrl, secret);
  await assertSame(all, market);
  const cold = `${ours.coldStart.toFixed(0)} ms, ${rssOf(ours.pid).toFixed(0)} MB`;
  console.log(`${market.listingIds.length} listings; the server starts in ${cold}\n`);
  await run(all, postgres.pid, market);
} finally {
  for (const server of new Set(Object.values(servers))) server.stop();
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
}
if (missed.length > 0) {
  console.log(`\nMISSED at 8 clients, GraphQL: ${missed.join("; ")}`);
  process.exitCode = 2;
}
