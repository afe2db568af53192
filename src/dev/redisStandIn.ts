/**
 * A small Redis in the process, on a loopback port, for those who have configured none: the
 * commands that limits, revoked sessions and cached answers need, with expiry and bounded
 * memory. It keeps nothing over a restart and is no Redis for production.
 */
import { createHash } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { Logger } from "../resources/logger.ts";
import { encode, failure, OK, ProtocolError, type Reply, RequestReader } from "./resp.ts";

export interface RedisStandInOptions {
  /** 0 or none takes any free port. */
  readonly port?: number;
  readonly logger?: Logger;
  /** Entries at most, in all databases; the one written longest ago goes first. */
  readonly mostEntries?: number;
}

export interface RedisStandIn {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const MOST_ENTRIES = 100_000;
const MOST_VALUE = 1_000_000;
const MOST_QUEUED = 1000;

/** Starts the stand-in on 127.0.0.1. */
export async function startRedisStandIn(options: RedisStandInOptions = {}): Promise<RedisStandIn> {
  const store = new Store(options.mostEntries ?? MOST_ENTRIES);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    serve(socket, new Session(store));
  });
  server.maxConnections = 500;
  const port = await listenOn(server, options.port ?? 0);
  const sweeper = setInterval(() => store.forgetExpired(), 10_000);
  sweeper.unref();
  options.logger?.debug({ port }, "the stand-in for Redis listens");
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    close: async () => {
      clearInterval(sweeper);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function listenOn(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function serve(socket: Socket, session: Session): void {
  const reader = new RequestReader();
  socket.on("data", (bytes) => {
    try {
      let answer = "";
      for (const request of reader.read(bytes)) answer += encode(session.run(request));
      if (answer !== "") socket.write(answer, "latin1");
      if (session.ended) socket.end();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      socket.end(encode(failure(`ERR Protocol error: ${error.message}`)), "latin1");
    }
  });
}

interface Entry {
  readonly value: string;
  /** Milliseconds since 1970; `undefined` never expires. */
  readonly until: number | undefined;
}

/** The entries of all databases. The name of an entry starts with the number of its database. */
class Store {
  readonly #entries = new Map<string, Entry>();
  readonly #scripts = new Map<string, Script>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry?.until === undefined || entry.until > Date.now()) return entry;
    this.#entries.delete(name);
    return undefined;
  }

  set(name: string, value: string, until: number | undefined): void {
    // Removing first puts the entry behind all others, so the oldest write is always in front.
    this.#entries.delete(name);
    this.#entries.set(name, { value, until });
    if (this.#entries.size <= this.#most) return;
    this.forgetExpired();
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#most) return;
      this.#entries.delete(oldest);
    }
  }

  delete(name: string): boolean {
    return this.get(name) !== undefined && this.#entries.delete(name);
  }

  names(prefix: string): string[] {
    const names = [...this.#entries.keys()].filter((name) => name.startsWith(prefix));
    return names.filter((name) => this.get(name) !== undefined);
  }

  forgetExpired(): void {
    const now = Date.now();
    for (const [name, { until }] of this.#entries) {
      if (until !== undefined && until <= now) this.#entries.delete(name);
    }
  }

  addScript(text: string): string | undefined {
    const script = KNOWN_SCRIPTS.get(normalise(text));
    if (script === undefined) return undefined;
    const digest = createHash("sha1").update(text, "latin1").digest("hex");
    this.#scripts.set(digest, script);
    return digest;
  }

  script(digest: string): Script | undefined {
    return this.#scripts.get(digest.toLowerCase());
  }
}

/** A Lua script as a function of keys and arguments. */
type Script = (database: Database, keys: readonly string[], args: readonly string[]) => Reply;

/** There is no Lua here. These scripts, blanks aside, are known by heart. */
const KNOWN_SCRIPTS = new Map<string, Script>([
  [
    // rate-limiter-flexible: count, and start the window with the first point.
    normalise(`redis.call('set', KEYS[1], 0, 'EX', ARGV[2], 'NX')
      local consumed = redis.call('incrby', KEYS[1], ARGV[1])
      local ttl = redis.call('pttl', KEYS[1])
      if ttl == -1 then
        redis.call('expire', KEYS[1], ARGV[2])
        ttl = 1000 * ARGV[2]
      end
      return {consumed, ttl}`),
    (database, [key = ""], [points = "", seconds = ""]) => {
      const ms = Number(seconds) * 1000;
      if (database.get(key) === undefined) database.set(key, "0", Date.now() + ms);
      const consumed = database.add(key, points);
      if (typeof consumed !== "number") return consumed;
      if (database.pttl(key) === -1) database.expire(key, ms);
      return [consumed, database.pttl(key)];
    },
  ],
]);

function normalise(script: string): string {
  return script.split(/\s+/).join(" ").trim();
}

/** One of the sixteen databases. */
class Database {
  readonly #store: Store;
  readonly #prefix: string;

  constructor(store: Store, index: number) {
    this.#store = store;
    this.#prefix = `${index}:`;
  }

  get(key: string): Entry | undefined {
    return this.#store.get(this.#prefix + key);
  }

  set(key: string, value: string, until?: number): void {
    this.#store.set(this.#prefix + key, value, until);
  }

  delete(key: string): boolean {
    return this.#store.delete(this.#prefix + key);
  }

  keys(): string[] {
    return this.#store.names(this.#prefix).map((name) => name.slice(this.#prefix.length));
  }

  add(key: string, text: string): Reply {
    const entry = this.get(key);
    const [before, by] = [integer(entry?.value ?? "0"), integer(text)];
    if (before === undefined || by === undefined) return NOT_AN_INTEGER;
    this.set(key, String(before + by), entry?.until);
    return before + by;
  }

  /** -2: there is no such key; -1: it never expires. */
  pttl(key: string): number {
    const entry = this.get(key);
    if (entry === undefined) return -2;
    return entry.until === undefined ? -1 : Math.max(0, entry.until - Date.now());
  }

  expire(key: string, ms: number): number {
    const entry = this.get(key);
    if (entry === undefined) return 0;
    if (ms <= 0) this.delete(key);
    else this.set(key, entry.value, Date.now() + ms);
    return 1;
  }

  script(digest: string): Script | undefined {
    return this.#store.script(digest);
  }

  addScript(text: string): string | undefined {
    return this.#store.addScript(text);
  }
}

const NOT_AN_INTEGER = failure("ERR value is not an integer or out of range");
const SYNTAX = failure("ERR syntax error");
const NO_SCRIPT = failure("NOSCRIPT No matching script. Please use EVAL.");
const UNKNOWN_SCRIPT = failure(
  "ERR the stand-in for Redis knows no Lua beyond a few scripts; set REDIS_URL to a real one",
);

function integer(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?\d{1,15}$/.test(text)) return undefined;
  return Number(text);
}

type Command = (database: Database, args: readonly string[]) => Reply;

/** A command, and how many arguments it needs at least. */
const COMMANDS = new Map<string, readonly [least: number, Command]>([
  ["PING", [0, (_, [text]) => text ?? { kind: "simple", text: "PONG" }]],
  ["ECHO", [1, (_, [text = ""]) => text]],
  ["AUTH", [1, () => OK]],
  ["CLIENT", [1, (_, [what]) => (what?.toUpperCase() === "ID" ? 1 : OK)]],
  ["COMMAND", [0, () => []]],
  [
    "INFO",
    [0, () => "redis_version:7.4.0\r\nredis_mode:standalone\r\nrole:master\r\nloading:0\r\n"],
  ],
  ["GET", [1, (database, [key = ""]) => database.get(key)?.value ?? null]],
  ["MGET", [1, (database, keys) => keys.map((key) => database.get(key)?.value ?? null)]],
  ["GETDEL", [1, getAndDelete]],
  ["SET", [2, set]],
  [
    "SETEX",
    [3, (database, [key = "", ttl = "", value = ""]) => set(database, [key, value, "EX", ttl])],
  ],
  [
    "PSETEX",
    [3, (database, [key = "", ttl = "", value = ""]) => set(database, [key, value, "PX", ttl])],
  ],
  [
    "SETNX",
    [2, (database, [key = "", value = ""]) => (set(database, [key, value, "NX"]) === null ? 0 : 1)],
  ],
  ["DEL", [1, (database, keys) => keys.filter((key) => database.delete(key)).length]],
  ["UNLINK", [1, (database, keys) => keys.filter((key) => database.delete(key)).length]],
  ["EXISTS", [1, (database, keys) => keys.filter((key) => database.get(key) !== undefined).length]],
  ["INCR", [1, (database, [key = ""]) => database.add(key, "1")]],
  ["DECR", [1, (database, [key = ""]) => database.add(key, "-1")]],
  ["INCRBY", [2, (database, [key = "", by = ""]) => database.add(key, by)]],
  ["DECRBY", [2, (database, [key = "", by = ""]) => database.add(key, negated(by))]],
  ["EXPIRE", [2, (database, [key = "", ttl]) => expire(database, key, ttl, 1000)]],
  ["PEXPIRE", [2, (database, [key = "", ttl]) => expire(database, key, ttl, 1)]],
  ["PTTL", [1, (database, [key = ""]) => database.pttl(key)]],
  ["TTL", [1, (database, [key = ""]) => inSeconds(database.pttl(key))]],
  ["PERSIST", [1, persist]],
  ["TYPE", [1, (database, [key = ""]) => typeOf(database, key)]],
  ["DBSIZE", [0, (database) => database.keys().length]],
  ["FLUSHDB", [0, flush]],
  ["FLUSHALL", [0, flush]],
  [
    "EVAL",
    [2, (database, [text = "", ...rest]) => evaluate(database, database.addScript(text), rest)],
  ],
  ["EVALSHA", [2, evaluateKnown]],
  ["SCRIPT", [1, script]],
]);

function set(database: Database, [key = "", value = "", ...options]: readonly string[]): Reply {
  if (value.length > MOST_VALUE) return failure("ERR value is longer than this stand-in keeps");
  const before = database.get(key);
  let until: number | undefined;
  let allowed = true;
  let answerOld = false;
  for (let index = 0; index < options.length; index += 1) {
    const option = options[index]?.toUpperCase();
    if (option === "NX") allowed = before === undefined;
    else if (option === "XX") allowed = before !== undefined;
    else if (option === "GET") answerOld = true;
    else if (option === "KEEPTTL") until = before?.until;
    else if (option === "EX" || option === "PX") {
      index += 1;
      const ttl = integer(options[index]);
      if (ttl === undefined) return NOT_AN_INTEGER;
      if (ttl <= 0) return failure("ERR invalid expire time in 'set' command");
      until = Date.now() + ttl * (option === "EX" ? 1000 : 1);
    } else return SYNTAX;
  }
  if (allowed) database.set(key, value, until);
  if (answerOld) return before?.value ?? null;
  return allowed ? OK : null;
}

function getAndDelete(database: Database, [key = ""]: readonly string[]): Reply {
  const value = database.get(key)?.value ?? null;
  database.delete(key);
  return value;
}

function expire(database: Database, key: string, ttl: string | undefined, unit: number): Reply {
  const amount = integer(ttl);
  return amount === undefined ? NOT_AN_INTEGER : database.expire(key, amount * unit);
}

function persist(database: Database, [key = ""]: readonly string[]): Reply {
  const entry = database.get(key);
  if (entry?.until === undefined) return 0;
  database.set(key, entry.value);
  return 1;
}

function typeOf(database: Database, key: string): Reply {
  return { kind: "simple", text: database.get(key) === undefined ? "none" : "string" };
}

function inSeconds(ms: number): number {
  return ms < 0 ? ms : Math.round(ms / 1000);
}

function negated(text: string): string {
  return text.startsWith("-") ? text.slice(1) : `-${text}`;
}

function flush(database: Database): Reply {
  for (const key of database.keys()) database.delete(key);
  return OK;
}

function evaluate(
  database: Database,
  digest: string | undefined,
  [count, ...rest]: readonly string[],
): Reply {
  const keys = integer(count);
  const script = digest === undefined ? undefined : database.script(digest);
  if (script === undefined) return UNKNOWN_SCRIPT;
  if (keys === undefined || keys < 0 || keys > rest.length) return NOT_AN_INTEGER;
  return script(database, rest.slice(0, keys), rest.slice(keys));
}

function evaluateKnown(database: Database, [digest = "", ...rest]: readonly string[]): Reply {
  return database.script(digest) === undefined ? NO_SCRIPT : evaluate(database, digest, rest);
}

function script(database: Database, [what = "", ...rest]: readonly string[]): Reply {
  if (what.toUpperCase() === "LOAD") return database.addScript(rest[0] ?? "") ?? UNKNOWN_SCRIPT;
  if (what.toUpperCase() === "EXISTS") {
    return rest.map((digest) => (database.script(digest) === undefined ? 0 : 1));
  }
  return SYNTAX;
}

/** What one connection has chosen: its database, and a transaction that it is writing down. */
class Session {
  readonly #store: Store;
  #database: Database;
  #queue: string[][] | undefined;
  #spoilt = false;
  ended = false;

  constructor(store: Store) {
    this.#store = store;
    this.#database = new Database(store, 0);
  }

  run(request: string[]): Reply {
    const name = (request[0] ?? "").toUpperCase();
    switch (name) {
      case "HELLO":
        // Clients fall back to RESP2 at this answer.
        return failure("NOPROTO unsupported protocol version");
      case "QUIT":
        this.ended = true;
        return OK;
      case "MULTI":
        if (this.#queue !== undefined) return failure("ERR MULTI calls can not be nested");
        this.#queue = [];
        return OK;
      case "DISCARD":
        return this.#discard();
      case "EXEC":
        return this.#exec();
      default:
        return this.#queue === undefined ? this.#execute(request) : this.#enqueue(request);
    }
  }

  #enqueue(request: string[]): Reply {
    const fault = faultOf(request);
    const full = (this.#queue?.length ?? 0) >= MOST_QUEUED;
    if (fault !== undefined || full) this.#spoilt = true;
    else this.#queue?.push(request);
    return fault ?? (full ? failure("ERR too many commands in one transaction") : QUEUED);
  }

  #discard(): Reply {
    if (this.#queue === undefined) return failure("ERR DISCARD without MULTI");
    this.#queue = undefined;
    this.#spoilt = false;
    return OK;
  }

  #exec(): Reply {
    const [queue, spoilt] = [this.#queue, this.#spoilt];
    if (queue === undefined) return failure("ERR EXEC without MULTI");
    this.#discard();
    if (spoilt) return failure("EXECABORT Transaction discarded because of previous errors.");
    return queue.map((request) => this.#execute(request));
  }

  #execute(request: string[]): Reply {
    const fault = faultOf(request);
    if (fault !== undefined) return fault;
    const [name = "", ...args] = request;
    if (name.toUpperCase() === "SELECT") return this.#select(integer(args[0]));
    const command = COMMANDS.get(name.toUpperCase());
    return command === undefined ? SYNTAX : command[1](this.#database, args);
  }

  #select(index: number | undefined): Reply {
    if (index === undefined || index < 0 || index > 15)
      return failure("ERR DB index is out of range");
    this.#database = new Database(this.#store, index);
    return OK;
  }
}

const QUEUED: Reply = { kind: "simple", text: "QUEUED" };

function faultOf([name = "", ...args]: string[]): Reply | undefined {
  const upper = name.toUpperCase();
  const least = upper === "SELECT" ? 1 : COMMANDS.get(upper)?.[0];
  // Names come from outside: nothing of them may end the line of the answer.
  const shown = name.slice(0, 40).replaceAll(/[^\w.-]/g, "?");
  if (least === undefined) return failure(`ERR unknown command '${shown}'`);
  if (args.length >= least) return undefined;
  return failure(`ERR wrong number of arguments for '${shown.toLowerCase()}' command`);
}
