/**
 * Claims about the stand-in for Redis, made through the clients that the product uses.
 */
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { type RedisStandIn, startRedisStandIn } from "../../src/dev/redisStandIn.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(mostEntries?: number): Promise<{ server: RedisStandIn; client: Redis }> {
  const server = await startRedisStandIn(mostEntries === undefined ? {} : { mostEntries });
  cleanups.push(() => server.close());
  const client = new Redis(server.url, { maxRetriesPerRequest: 1 });
  cleanups.push(() => client.disconnect());
  return { server, client };
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("The condition did not hold within 5 s.");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("the stand-in for Redis", () => {
  test("keeps values byte by byte and forgets them when told", async () => {
    const { client } = await open();
    const value = "naïve €\r\n$3\r\n\0";
    expect(await client.set("key", value)).toBe("OK");
    expect(await client.get("key")).toBe(value);
    expect(await client.mget("key", "none")).toEqual([value, null]);
    expect(await client.del("key", "none")).toBe(1);
    expect(await client.get("key")).toBeNull();
  });

  test("expires in time and says how long is left", async () => {
    const { client } = await open();
    await client.set("key", "x", "PX", 60);
    expect(await client.pttl("key")).toBeGreaterThan(0);
    await eventually(async () => (await client.get("key")) === null);
    expect(await client.pttl("key")).toBe(-2);
    await client.set("for ever", "x");
    expect(await client.ttl("for ever")).toBe(-1);
    await client.expire("for ever", 100);
    expect(await client.ttl("for ever")).toBe(100);
  });

  test("sets once with NX, and only what exists with XX", async () => {
    const { client } = await open();
    expect(await client.set("key", "1", "EX", 10, "NX")).toBe("OK");
    expect(await client.set("key", "2", "EX", 10, "NX")).toBeNull();
    expect(await client.set("other", "2", "XX")).toBeNull();
    expect(await client.get("key")).toBe("1");
  });

  test("counts without losing the time to live", async () => {
    const { client } = await open();
    await client.set("count", "5", "EX", 100);
    expect(await client.incr("count")).toBe(6);
    expect(await client.incrby("count", 4)).toBe(10);
    expect(await client.decrby("count", 3)).toBe(7);
    expect(await client.ttl("count")).toBe(100);
    await client.set("text", "abc");
    await expect(client.incr("text")).rejects.toThrow("not an integer");
  });

  test("runs a transaction whole or, after a mistake, not at all", async () => {
    const { client } = await open();
    const results = await client.multi().set("a", "1").incr("a").pttl("a").exec();
    expect(results).toEqual([
      [null, "OK"],
      [null, 2],
      [null, -1],
    ]);
    const spoilt = client.multi().set("a", "9").call("nonsense").exec();
    await expect(spoilt).rejects.toThrow("EXECABORT");
    expect(await client.get("a")).toBe("2");
  });

  test("keeps databases apart", async () => {
    const { server, client } = await open();
    const other = new Redis(`${server.url}/3`);
    cleanups.push(() => other.disconnect());
    await client.set("key", "zero");
    await other.set("key", "three");
    expect(await client.get("key")).toBe("zero");
    await other.flushdb();
    expect(await client.get("key")).toBe("zero");
  });

  test("carries the rate limiter of the product: consume, block, get, delete", async () => {
    const { client } = await open();
    const limiter = new RateLimiterRedis({ storeClient: client, points: 2, duration: 60 });
    expect((await limiter.consume("guest")).remainingPoints).toBe(1);
    expect((await limiter.consume("guest")).remainingPoints).toBe(0);
    const refusal = await limiter.consume("guest").catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RateLimiterRes);
    expect((await limiter.get("guest"))?.consumedPoints).toBe(3);
    await limiter.block("other", 30);
    expect(await client.ttl("rlflx:other")).toBe(30);
    expect(await limiter.delete("guest")).toBe(true);
    expect((await limiter.consume("guest")).remainingPoints).toBe(1);
  });

  test("says so when a script is one that it does not know", async () => {
    const { client } = await open();
    await expect(client.eval("return 1", 0)).rejects.toThrow("REDIS_URL");
  });

  test("refuses what it does not know and goes on", async () => {
    const { client } = await open();
    await expect(client.call("GEOADD", "x")).rejects.toThrow("unknown command");
    await expect(client.call("GET")).rejects.toThrow("wrong number of arguments");
    expect(await client.ping()).toBe("PONG");
  });

  test("holds no more entries than it may; the oldest go first", async () => {
    const { client } = await open(10);
    for (let index = 0; index < 25; index += 1) await client.set(`key ${index}`, "x");
    expect(await client.dbsize()).toBe(10);
    expect(await client.get("key 14")).toBeNull();
    expect(await client.get("key 15")).toBe("x");
  });

  test.each(["*1\r\n$99999999999\r\n", "*-5\r\n", "*2\r\n:1\r\n"])(
    "hangs up on %j and serves others",
    async (bytes) => {
      const { server, client } = await open();
      const answer = await new Promise<string>((resolve, reject) => {
        let text = "";
        const socket = connect(server.port, "127.0.0.1", () => socket.write(bytes));
        socket.on("data", (chunk) => {
          text += chunk.toString();
        });
        socket.once("close", () => resolve(text));
        socket.once("error", reject);
      });
      expect(answer).toMatch(/^-ERR Protocol error/);
      expect(await client.ping()).toBe("PONG");
    },
  );
});
