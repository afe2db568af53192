import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createLogger } from "../../src/resources/logger.ts";
import { createRateLimiters } from "../../src/resources/rateLimiter.ts";
import { openRedis, type RedisStore } from "../../src/resources/redis.ts";
import { createSessionRevocations } from "../../src/resources/sessionRevocations.ts";
import { waitUntil } from "../helpers/marketplace.ts";

const found = spawnSync("redis-server", ["--version"]).status === 0;
const describeWithRedis = found ? describe : describe.skip;
if (!found) {
  process.stderr.write("Real Redis is not tested: install it (apt-get install redis-server).\n");
}

describeWithRedis("with a real Redis", () => {
  let server: ChildProcess;
  let stores: RedisStore[];

  beforeAll(async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const address = probe.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    probe.close();
    server = spawn("redis-server", ["--port", String(port), "--save", "", "--bind", "127.0.0.1"]);
    const logger = createLogger({ level: "silent" });
    const open = (): Promise<RedisStore> => openRedis(`redis://127.0.0.1:${port}`, logger);
    stores = [await open(), await open()];
    await waitUntil("Redis answers", async () => {
      const answers = stores.map((store) => store.set("probe", "1", 5));
      return (await Promise.all(answers)).every(Boolean);
    });
  });

  afterAll(async () => {
    await Promise.all(stores.map((store) => store.dispose()));
    server.kill();
  });

  test("limits are shared by processes", async () => {
    const limit = { name: "real-redis", points: 2, seconds: 60 };
    const limiters = stores.map((store) => createRateLimiters(store)(limit));
    const outcomes: boolean[] = [];
    for (const limiter of [...limiters, ...limiters]) {
      outcomes.push((await limiter.consume("ada@example.com")).allowed);
    }
    expect(outcomes).toEqual([true, true, false, false]);
  });

  test("a session that was ended in one process is ended in the other", async () => {
    const [here, there] = stores.map((store) => createSessionRevocations(store, 60));
    await here?.revoke("01a203bb-a1f9-71f9-b50a-b2a18d155a67");
    expect(await there?.isRevoked("01a203bb-a1f9-71f9-b50a-b2a18d155a67")).toBe(true);
    expect(await there?.isRevoked("01a203bb-a1f9-71f9-b50a-b2a18d155a68")).toBe(false);
  });
});
