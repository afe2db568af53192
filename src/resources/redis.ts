/**
 * Redis behind a circuit breaker: after two failures in a row nobody asks it until it answers a
 * probe in the background, so that a dead or hung Redis costs a request a fifth of a second once
 * and nothing afterwards. Nothing here is the truth of anything: every caller has a fallback.
 */
import { Redis } from "ioredis";
import { bounded } from "./bounded.ts";
import type { Logger } from "./logger.ts";
import { messageOf } from "./resourceError.ts";

/** How long one command may take, in milliseconds. */
const COMMAND_MS = 80;
/** Failures in a row that open the breaker: together they may cost at most 160 ms. */
const FAILURES = 2;
/** Milliseconds between two probes while the breaker is open. */
const PROBE_MS = 1000;

/** What came of a command; `ok: false` says that Redis is away and the fallback is needed. */
export type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

/** The typed face of Redis. No method throws because Redis is away. */
export interface RedisStore {
  /** Runs any command under the time limit and the breaker. */
  attempt<T>(command: (client: Redis) => Promise<T>): Promise<Attempt<T>>;
  /** The value, or `undefined` where there is none or Redis is away. */
  get(key: string): Promise<string | undefined>;
  /** Keeps a value for some seconds; false where Redis is away. */
  set(key: string, value: string, ttlSeconds: number): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  /** Whether commands are being sent at this moment. */
  available(): boolean;
  /** Calls `listener` each time Redis answers again after it was away. */
  onBack(listener: () => void): void;
  /** For libraries that want the client itself; outside `attempt` it has no breaker. */
  readonly client: Redis;
  dispose(): Promise<void>;
}

/**
 * Connects to `url`. An unreachable Redis is not an error: it is logged once and tried again for
 * as long as the process lives.
 */
export async function openRedis(url: string, logger: Logger): Promise<RedisStore> {
  const client = new Redis(url, {
    lazyConnect: true,
    // A command that cannot be sent now has a fallback now: queueing would only delay it.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 2000,
    // A hung server keeps its socket open; this drops the socket and tries a new one.
    socketTimeout: 2000,
    retryStrategy: (times) => Math.min(times * 100, 2000),
    connectionName: "staybase",
  });
  const breaker = new Breaker(client, logger);
  await bounded(1000, "Connecting to Redis", client.connect()).catch((error: unknown) => {
    breaker.open(error);
  });
  return breaker.store();
}

class Breaker {
  readonly #client: Redis;
  readonly #logger: Logger;
  readonly #listeners: (() => void)[] = [];
  #failures = 0;
  #closed = true;
  #disposed = false;
  #probe: NodeJS.Timeout | undefined;
  #lastError: unknown;

  constructor(client: Redis, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
    client.on("error", (error: unknown) => {
      this.#lastError = error;
    });
    client.on("close", () => this.open(this.#lastError ?? new Error("the connection closed")));
  }

  /** Nobody asks Redis from now on, until a probe is answered. */
  open(cause: unknown): void {
    if (!this.#closed || this.#disposed) return;
    this.#closed = false;
    this.#logger.warn(
      { reason: messageOf(cause) },
      "Redis is away: limits and revoked sessions are kept in the process until it is back",
    );
    this.#probe = setInterval(() => void this.#ask(), PROBE_MS);
    this.#probe.unref();
  }

  async #ask(): Promise<void> {
    if (this.#client.status !== "ready") return;
    try {
      await bounded(PROBE_MS / 2, "Redis", this.#client.ping());
    } catch {
      return;
    }
    if (this.#closed || this.#disposed) return;
    this.#closed = true;
    this.#failures = 0;
    this.#lastError = undefined;
    clearInterval(this.#probe);
    this.#logger.info("Redis is back");
    for (const listener of this.#listeners) listener();
  }

  async #attempt<T>(command: (client: Redis) => Promise<T>): Promise<Attempt<T>> {
    if (!this.#closed || this.#client.status !== "ready") return { ok: false };
    try {
      const value = await bounded(COMMAND_MS, "Redis", command(this.#client));
      this.#failures = 0;
      return { ok: true, value };
    } catch (error) {
      this.#failures += 1;
      if (this.#failures >= FAILURES) this.open(error);
      return { ok: false };
    }
  }

  async #dispose(): Promise<void> {
    this.#disposed = true;
    clearInterval(this.#probe);
    if (this.#client.status === "ready" && this.#closed) {
      await bounded(500, "Redis", this.#client.quit()).catch(() => undefined);
    }
    this.#client.disconnect();
  }

  store(): RedisStore {
    return {
      client: this.#client,
      attempt: (command) => this.#attempt(command),
      available: () => this.#closed && this.#client.status === "ready",
      onBack: (listener) => void this.#listeners.push(listener),
      get: async (key) => {
        const outcome = await this.#attempt((client) => client.get(key));
        return outcome.ok ? (outcome.value ?? undefined) : undefined;
      },
      set: async (key, value, ttlSeconds) => {
        const ms = Math.max(1, Math.round(ttlSeconds * 1000));
        return (await this.#attempt((client) => client.set(key, value, "PX", ms))).ok;
      },
      delete: async (key) => (await this.#attempt((client) => client.del(key))).ok,
      dispose: () => this.#dispose(),
    };
  }
}
