/** Starts the servers that are compared, each as its own process, and installs what they need. */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../src/dev/dataFolder.ts";
import { Caller } from "./load.ts";
import type { Face } from "./requests.ts";

const PEERS = fileURLToPath(new URL("peers", import.meta.url));

export interface Server {
  readonly pid: number;
  readonly port: number;
  /** Milliseconds until it answered. */
  readonly coldStart: number;
  stop(): void;
}

/** What the servers are started with. */
export interface Setting {
  readonly url: string;
  /** The role that row-level security does not hold. */
  readonly rootUrl: string;
  readonly visitor: string;
  /** Signs access tokens. */
  readonly key: string;
  readonly dir: string;
}

/** Ours has two faces. */
export async function startServers(
  faces: readonly Face[],
  { url, rootUrl, visitor, key, dir }: Setting,
): Promise<Partial<Record<Face, Server>>> {
  if (faces.includes("mercurius") || faces.includes("platformatic")) installPeers();
  const env = { DATABASE_URL: url, JWT_KEYS: key };
  const peer = (name: string) => [`tests/performance/peers/${name}.ts`, "PORT", visitor, key];
  const ours = (more: Environment): Promise<Server> =>
    startServer(
      ["--max-old-space-size=288", "--max-semi-space-size=32", "src/server.ts"],
      { ...productionOf({ url, key, dir }), ...more },
      "/readyz",
    );
  const starts: Readonly<Record<Exclude<Face, "rest">, () => Promise<Server>>> = {
    graphql: () => ours({ PUBLIC_CACHE_MB: "0" }),
    kept: () => ours({}),
    handwritten: () => startServer(peer("handwritten"), env, "/list"),
    mercurius: () => startServer(peer("mercurius"), production(env), "/ready"),
    platformatic: () =>
      startServer(peer("platformatic"), production({ DATABASE_URL: rootUrl }), "/ready"),
  };
  const servers: Partial<Record<Face, Server>> = {};
  try {
    for (const face of faces) {
      if (face !== "rest") servers[face] = await starts[face]();
    }
  } catch (error) {
    for (const server of Object.values(servers)) server.stop();
    throw error;
  }
  if (servers.graphql !== undefined) servers.rest = servers.graphql;
  return servers;
}

type Environment = Readonly<Record<string, string>>;

/** Ours as in production, where nothing of the requests asks Stripe or sends mail. */
export function productionOf({ url, key, dir }: Pick<Setting, "url" | "key" | "dir">): Environment {
  return {
    DATABASE_URL: url,
    JWT_KEYS: key,
    NODE_ENV: "production",
    ALLOW_STAND_INS: "true",
    PUBLIC_URL: "https://bench.example",
    MAIL_FROM: "Bench <bench@bench.example>",
    DATA_DIR: dir,
    FACTOR_KEYS: randomBytes(32).toString("base64"),
    STAGING: "true",
    STRIPE_SECRET_KEY: "sk_test_bench",
    STRIPE_PUBLISHABLE_KEY: "pk_test_bench",
    STRIPE_WEBHOOK_SECRET: "whsec_bench",
    SMTP_URL: "smtp://127.0.0.1:9",
  };
}

const production = (env: Environment) => ({ ...env, NODE_ENV: "production" });

/** The packages of peers/ as its lock file has them; nobody but the benchmark needs them. */
function installPeers(): void {
  const lock = readFileSync(join(PEERS, "package-lock.json"), "utf8");
  const installed = join(PEERS, "node_modules/.package-lock.json");
  if (existsSync(installed) && sameVersions(lock, readFileSync(installed, "utf8"))) return;
  console.log("Installing what only the benchmark needs, in tests/performance/peers ...");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"];
  execFileSync("npm", args, { cwd: PEERS, stdio: "inherit" });
}

/** npm leaves out of its own list what does not fit the machine. */
function sameVersions(lock: string, installed: string): boolean {
  const { packages: wanted } = JSON.parse(lock) as Lock;
  const { packages: found } = JSON.parse(installed) as Lock;
  return Object.entries(found).every(([name, { version }]) => wanted[name]?.version === version);
}
interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

async function startServer(
  args: readonly string[],
  env: Environment,
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
