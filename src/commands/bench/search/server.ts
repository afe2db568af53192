/**
 * A throw-away PostgreSQL for the benchmark, with memory as a server of its own would have: the
 * embedded one is made for tests and laptops, and small buffers would blur every ratio.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "../../../dev/dataFolder.ts";
import { startEmbeddedPostgres } from "../../../dev/embeddedPostgres.ts";
import { locateBinaries, OUTSIDE_FOLDERS } from "../../../dev/postgresBinaries.ts";
import { choosePlace } from "../../../dev/postgresPlace.ts";
import { stopPostmaster } from "../../../dev/postmaster.ts";

/** A server that ends, and leaves nothing behind, with `stop`. */
export interface BenchServer {
  readonly url: string;
  readonly rootUrl: string;
  stop(): Promise<void>;
}

const SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  shared_buffers: "2GB",
  max_wal_size: "8GB",
  maintenance_work_mem: "512MB",
  random_page_cost: "1.1",
  jit: "off",
  timezone: "UTC",
  log_min_messages: "warning",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
};

const START_MS = 30_000;

/** Makes a cluster in a temporary folder and starts it with two gigabytes of buffers. */
export async function startBenchServer(): Promise<BenchServer> {
  const dir = await mkdtemp(join(tmpdir(), "staybase-bench-"));
  const made = await startEmbeddedPostgres({ dir });
  await made.stop();
  const { user } = choosePlace(dir, OUTSIDE_FOLDERS);
  const port = await freePort(undefined);
  const settings = Object.entries({ ...SETTINGS, port: String(port) });
  const child = spawn(
    locateBinaries(user, OUTSIDE_FOLDERS).postgres,
    ["-D", made.data, ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    { ...user, cwd: "/", env: { LC_ALL: "C" }, stdio: "ignore" },
  );
  let ended = false;
  child.once("exit", () => {
    ended = true;
  });
  child.once("error", () => {
    ended = true;
  });
  const kill = (): void => {
    child.kill("SIGQUIT");
  };
  process.once("exit", kill);
  const rootUrl = withPort(made.rootUrl, port);
  const stop = async (): Promise<void> => {
    process.off("exit", kill);
    if (!ended && child.pid !== undefined) await stopPostmaster(child.pid, 10_000);
    await rm(made.data, { recursive: true, force: true });
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await answers(withDatabase(rootUrl, "postgres"), () => ended);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: withPort(made.url, port), rootUrl, stop };
}

async function answers(url: string, gone: () => boolean): Promise<void> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
    try {
      await client.connect();
      return;
    } catch (error) {
      if (gone() || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    } finally {
      await client.end().catch(() => {});
    }
  }
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
