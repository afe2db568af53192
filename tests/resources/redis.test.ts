/**
 * Claims about what Redis may cost: a dead, hung or returning Redis is noticed, told once, and
 * never slows those who ask.
 */
import { afterEach, describe, expect, test } from "@jest/globals";
import { createLogger, type Logger } from "../../src/resources/logger.ts";
import { createRateLimiters } from "../../src/resources/rateLimiter.ts";
import { openRedis, type RedisStore } from "../../src/resources/redis.ts";
import { createSessionRevocations } from "../../src/resources/sessionRevocations.ts";
import { describeWithRedis } from "../helpers/describeWithRedis.ts";
import { startRedisServer } from "../helpers/redisServer.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function listening(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { logger: createLogger({ level: "info", destination }), lines };
}

async function open(url: string, logger: Logger = listening().logger): Promise<RedisStore> {
  const store = await openRedis(url, logger);
  cleanups.push(() => store.dispose());
  return store;
}

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("The condition did not hold within 15 s.");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** How many of `count` commands, one after another, are sent at all; each gives up in time. */
async function commandsSent(store: RedisStore, count: number): Promise<number> {
  let sent = 0;
  for (let index = 0; index < count; index += 1) {
    await store.attempt((client) => {
      sent += 1;
      return client.get("key");
    });
  }
  return sent;
}

/** A Redis that ends with the test. */
async function redis(port?: number) {
  const server = await startRedisServer(port === undefined ? {} : { port });
  cleanups.push(() => server.close());
  return server;
}

const LIMIT = { name: "sign-in", points: 2, seconds: 60 };

/** Whether each of three tries in a row is allowed. */
async function threeTries(store: RedisStore | undefined): Promise<boolean[]> {
  const limiters = createRateLimiters(store);
  const outcomes: boolean[] = [];
  for (let index = 0; index < 3; index += 1) {
    // Whoever counts a request asks for the limiter anew.
    outcomes.push((await limiters(LIMIT).consume("a")).allowed);
  }
  return outcomes;
}

describe("without Redis", () => {
  test("limits count in the process, apart by name and key, and can be reset", async () => {
    expect(await threeTries(undefined)).toEqual([true, true, false]);
    const limiters = createRateLimiters(undefined);
    const limiter = limiters(LIMIT);
    expect(await limiter.consume("a", 2)).toMatchObject({ allowed: true, limit: 2, remaining: 0 });
    const refusal = await limiter.consume("a");
    expect(refusal).toMatchObject({ allowed: false, remaining: 0 });
    expect(refusal.resetSeconds).toBeGreaterThan(50);
    expect((await limiter.consume("b")).allowed).toBe(true);
    expect((await limiters({ ...LIMIT, name: "register" }).consume("a")).allowed).toBe(true);
    await limiter.reset("a");
    expect((await limiter.consume("a")).allowed).toBe(true);
  });

  test("sessions are revoked in the process", async () => {
    const revocations = createSessionRevocations(undefined, 900);
    await revocations.revoke("session");
    expect(await revocations.isRevoked("session")).toBe(true);
    expect(await revocations.isRevoked("another")).toBe(false);
  });
});

describe("where Redis does not answer", () => {
  test("it opens, says so once, and costs nothing", async () => {
    const { logger, lines } = listening();
    const store = await open("redis://127.0.0.1:1", logger);
    expect(await store.get("key")).toBeUndefined();
    expect(await commandsSent(store, 100)).toBe(0);
    expect(lines.filter((line) => line.includes("Redis is away"))).toHaveLength(1);
  });

  test("limits count in the process", async () => {
    expect(await threeTries(await open("redis://127.0.0.1:1"))).toEqual([true, true, false]);
  });
});

describeWithRedis("Redis behind its breaker", () => {
  test("keeps and forgets values", async () => {
    const server = await redis();
    const store = await open(server.url);
    expect(await store.set("key", "value", 10)).toBe(true);
    expect(await store.get("key")).toBe("value");
    expect(await store.delete("key")).toBe(true);
    expect(await store.get("key")).toBeUndefined();
  });

  test("two commands wait for a hung Redis and no more, and it is used again when it wakes", async () => {
    const { logger, lines } = listening();
    const { url, process: server } = await redis();
    const store = await open(url, logger);
    await eventually(() => store.set("key", "value", 60));
    server.kill("SIGSTOP");
    expect(await commandsSent(store, 50)).toBe(2);
    expect(store.available()).toBe(false);
    server.kill("SIGCONT");
    await eventually(() => store.available());
    expect(await store.get("key")).toBe("value");
    expect(lines.filter((line) => line.includes("Redis is away"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("Redis is back"))).toHaveLength(1);
  });

  test("closes although Redis hangs", async () => {
    const { url, process: server } = await redis();
    const store = await openRedis(url, listening().logger);
    server.kill("SIGSTOP");
    await store.dispose();
    await eventually(() => store.client.status === "end");
  });
});

describeWithRedis("the rate limiter", () => {
  test("is shared by processes, and apart by name and key", async () => {
    const server = await redis();
    const one = createRateLimiters(await open(server.url))(LIMIT);
    const two = createRateLimiters(await open(server.url))(LIMIT);
    const other = createRateLimiters(await open(server.url))({ ...LIMIT, name: "register" });
    expect(await one.consume("a")).toMatchObject({ allowed: true, remaining: 1, limit: 2 });
    expect(await two.consume("a")).toMatchObject({ allowed: true, remaining: 0 });
    const refusal = await one.consume("a");
    expect(refusal).toMatchObject({ allowed: false, remaining: 0 });
    expect(refusal.resetSeconds).toBeGreaterThan(50);
    expect((await one.consume("b")).allowed).toBe(true);
    expect((await other.consume("a")).allowed).toBe(true);
    await two.reset("a");
    expect((await one.consume("a")).allowed).toBe(true);
  });

  test("loses no try to a Redis that goes and comes back", async () => {
    const many = { name: "sign-in", points: 4, seconds: 60 };
    const first = await redis();
    const store = await open(first.url);
    const limiter = createRateLimiters(store)(many);
    expect((await limiter.consume("a")).remaining).toBe(3);
    await first.close();
    await eventually(() => !store.available());
    // Goes on from what it knew, and tells Redis, which has forgotten everything, what it missed.
    expect((await limiter.consume("a")).remaining).toBe(2);
    const second = await redis(first.port);
    await eventually(() => store.available());
    expect((await limiter.consume("a")).remaining).toBe(2);
    const other = createRateLimiters(await open(second.url))(many);
    expect((await other.consume("a")).remaining).toBe(1);
    expect((await limiter.consume("a")).remaining).toBe(0);
    expect((await limiter.consume("a")).allowed).toBe(false);
  });
});

describeWithRedis("revoked sessions", () => {
  test("are known to every process", async () => {
    const server = await redis();
    const one = createSessionRevocations(await open(server.url), 900);
    const two = createSessionRevocations(await open(server.url), 900);
    await one.revoke("session");
    expect(await two.isRevoked("session")).toBe(true);
    expect(await two.isRevoked("another")).toBe(false);
  });

  test("are known here while Redis is away, and to the others once it is back", async () => {
    const first = await redis();
    const store = await open(first.url);
    const here = createSessionRevocations(store, 900);
    await first.close();
    await eventually(() => !store.available());
    await here.revoke("session");
    expect(await here.isRevoked("session")).toBe(true);
    const second = await redis(first.port);
    const others = createSessionRevocations(await open(second.url), 900);
    await eventually(() => others.isRevoked("session"));
  });

  test("are known to the others again after Redis has come back empty", async () => {
    const first = await redis();
    const store = await open(first.url);
    const here = createSessionRevocations(store, 900);
    for (const session of ["one", "two", "three"]) await here.revoke(session);
    await first.close();
    await eventually(() => !store.available());
    const second = await redis(first.port);
    const others = createSessionRevocations(await open(second.url), 900);
    for (const session of ["one", "two", "three"]) {
      await eventually(() => others.isRevoked(session));
    }
  });
});
