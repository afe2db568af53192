/**
 * Claims about what Redis may cost: a dead, hung or returning Redis is noticed, told once, and
 * never slows those who ask.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { afterEach, describe, expect, test } from "@jest/globals";
import { startRedisStandIn } from "../../src/dev/redisStandIn.ts";
import { createLogger, type Logger } from "../../src/resources/logger.ts";
import { createRateLimiters } from "../../src/resources/rateLimiter.ts";
import { openRedis, type RedisStore } from "../../src/resources/redis.ts";
import { createSessionRevocations } from "../../src/resources/sessionRevocations.ts";

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

/** A stand-in in a process of its own, which can be stopped like a hung server. */
async function redisElsewhere(): Promise<{ url: string; process: ChildProcess }> {
  const module = new URL("../../src/dev/redisStandIn.ts", import.meta.url).href;
  const source = `import { startRedisStandIn } from ${JSON.stringify(module)};
    console.log((await startRedisStandIn()).url);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH, NODE_NO_WARNINGS: "1" },
  });
  cleanups.push(() => child.kill("SIGKILL"));
  const url = await new Promise<string>((resolve, reject) => {
    child.once("exit", () => reject(new Error("The stand-in did not start.")));
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  return { url, process: child };
}

describe("Redis behind its breaker", () => {
  test("keeps and forgets values", async () => {
    const server = await startRedisStandIn();
    cleanups.push(() => server.close());
    const store = await open(server.url);
    expect(await store.set("key", "value", 10)).toBe(true);
    expect(await store.get("key")).toBe("value");
    expect(await store.delete("key")).toBe(true);
    expect(await store.get("key")).toBeUndefined();
  });

  test("opens without Redis, says so once, and costs nothing", async () => {
    const { logger, lines } = listening();
    const store = await open("redis://127.0.0.1:1", logger);
    expect(await store.get("key")).toBeUndefined();
    expect(await commandsSent(store, 100)).toBe(0);
    expect(lines.filter((line) => line.includes("Redis is away"))).toHaveLength(1);
  });

  test("two commands wait for a hung Redis and no more, and it is used again when it wakes", async () => {
    const { logger, lines } = listening();
    const { url, process: server } = await redisElsewhere();
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
    const { url, process: server } = await redisElsewhere();
    const store = await openRedis(url, listening().logger);
    server.kill("SIGSTOP");
    await store.dispose();
    await eventually(() => store.client.status === "end");
  });
});

describe("the rate limiter", () => {
  const limit = { name: "sign-in", points: 2, seconds: 60 };

  test("is shared by processes, and apart by name and key", async () => {
    const server = await startRedisStandIn();
    cleanups.push(() => server.close());
    const one = createRateLimiters(await open(server.url))(limit);
    const two = createRateLimiters(await open(server.url))(limit);
    const other = createRateLimiters(await open(server.url))({ ...limit, name: "register" });
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

  test("goes on counting in the process while Redis is away", async () => {
    const limiter = createRateLimiters(await open("redis://127.0.0.1:1"));
    const outcomes = [];
    for (let index = 0; index < 3; index += 1) {
      // Whoever counts a request asks for the limiter anew.
      outcomes.push((await limiter(limit).consume("a")).allowed);
    }
    expect(outcomes).toEqual([true, true, false]);
  });

  test("loses no try to a Redis that goes and comes back", async () => {
    const many = { name: "sign-in", points: 4, seconds: 60 };
    const first = await startRedisStandIn();
    const store = await open(first.url);
    const limiter = createRateLimiters(store)(many);
    expect((await limiter.consume("a")).remaining).toBe(3);
    await first.close();
    await eventually(() => !store.available());
    // Goes on from what it knew, and tells Redis, which has forgotten everything, what it missed.
    expect((await limiter.consume("a")).remaining).toBe(2);
    const second = await startRedisStandIn({ port: first.port });
    cleanups.push(() => second.close());
    await eventually(() => store.available());
    expect((await limiter.consume("a")).remaining).toBe(2);
    const other = createRateLimiters(await open(second.url))(many);
    expect((await other.consume("a")).remaining).toBe(1);
    expect((await limiter.consume("a")).remaining).toBe(0);
    expect((await limiter.consume("a")).allowed).toBe(false);
  });
});

describe("revoked sessions", () => {
  test("are known to every process", async () => {
    const server = await startRedisStandIn();
    cleanups.push(() => server.close());
    const one = createSessionRevocations(await open(server.url), 900);
    const two = createSessionRevocations(await open(server.url), 900);
    await one.revoke("session");
    expect(await two.isRevoked("session")).toBe(true);
    expect(await two.isRevoked("another")).toBe(false);
  });

  test("are known here while Redis is away, and to the others once it is back", async () => {
    const first = await startRedisStandIn();
    const store = await open(first.url);
    const here = createSessionRevocations(store, 900);
    await first.close();
    await eventually(() => !store.available());
    await here.revoke("session");
    expect(await here.isRevoked("session")).toBe(true);
    const second = await startRedisStandIn({ port: first.port });
    cleanups.push(() => second.close());
    const others = createSessionRevocations(await open(second.url), 900);
    await eventually(() => others.isRevoked("session"));
  });

  test("are known to the others again after Redis has come back empty", async () => {
    const first = await startRedisStandIn();
    const store = await open(first.url);
    const here = createSessionRevocations(store, 900);
    for (const session of ["one", "two", "three"]) await here.revoke(session);
    await first.close();
    await eventually(() => !store.available());
    const second = await startRedisStandIn({ port: first.port });
    cleanups.push(() => second.close());
    const others = createSessionRevocations(await open(second.url), 900);
    for (const session of ["one", "two", "three"]) {
      await eventually(() => others.isRevoked(session));
    }
  });
});
