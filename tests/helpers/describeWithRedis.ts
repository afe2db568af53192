/** Suites that need a real redis-server; where it is not installed they are skipped, and say so. */
import { describe } from "@jest/globals";
import { hasRedisServer } from "./redisServer.ts";

/** Like `describe`; skipped where there is no redis-server. */
export const describeWithRedis = hasRedisServer ? describe : describe.skip;
if (!hasRedisServer) {
  process.stderr.write("Redis is not tested: install it (apt-get install redis-server).\n");
}
