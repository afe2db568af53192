/** Answers for visitors that servers share through Redis, and what becomes of them without it. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { testDatabase } from "../helpers/database.ts";
import { describeWithRedis } from "../helpers/describeWithRedis.ts";
import { publishedListing, somebody } from "../helpers/factories.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { type RedisServer, startRedisServer } from "../helpers/redisServer.ts";

describeWithRedis("answers that servers share through Redis", () => {
  const database = testDatabase();
  let redis: RedisServer;
  let marketplace: Marketplace;
  let listingId: string;

  beforeAll(async () => {
    redis = await startRedisServer();
    listingId = await publishedListing(database, await somebody(database));
    marketplace = await openMarketplace(database, 2, {
      PUBLIC_CACHE_MB: "8",
      REDIS_URL: redis.url,
    });
    // Servers believe nothing that is as old as what they know, nor a little younger.
    await new Promise((resolve) => setTimeout(resolve, 2500));
  });

  afterAll(async () => {
    await marketplace?.dispose();
    await redis?.close();
  });

  interface Told {
    readonly status: number;
    readonly age: string | null;
    readonly text: string;
  }

  async function ask(server: string, words: string): Promise<Told> {
    const answer = await fetch(`${server}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        query: `query ${words} { listing(id: "${listingId}") { id title } }`,
      }),
    });
    const { status, headers } = answer;
    return { status, age: headers.get("age"), text: await answer.text() };
  }

  const rename = (title: string): Promise<unknown> =>
    database.owner.query("update app_public.listings set title = $2 where id = $1", [
      listingId,
      title,
    ]);

  const keys = async (): Promise<string[]> => {
    const client = new Redis(redis.url);
    const found = await client.keys("staybase:answer:*");
    await client.quit();
    return found;
  };

  test("one server answers from what the other has kept, until it changes", async () => {
    const [one = "", two = ""] = marketplace.servers;
    const made = await ask(one, "Shared");
    expect(made).toMatchObject({ status: 200, age: null });
    await waitUntil("it is in Redis", async () => (await keys()).length === 1);
    expect(await ask(two, "Shared")).toEqual({ ...made, age: expect.stringMatching(/^\d$/) });

    await rename("Another name");
    // What Redis has is older than the change: neither believes it.
    for (const server of [one, two]) {
      await waitUntil("it is new", async () =>
        (await ask(server, "Shared")).text.includes("Another name"),
      );
    }
  });

  test.each([
    '{"body":',
    "null",
    "[]",
    '{"body":"x","askedAt":NOW}',
    '{"body":"x","askedAt":NOW,"freshness":7,"headers":{}}',
    '{"body":"x","askedAt":NOW,"freshness":[7],"headers":{}}',
    '{"body":"x","askedAt":NOW,"freshness":"seconds"}',
    '{"body":"x","askedAt":NOW,"freshness":"seconds","headers":{"etag":7}}',
    '{"body":7,"askedAt":NOW,"freshness":"seconds","headers":{}}',
  ])("what else is in Redis under the name of an answer is none: %s", async (value) => {
    const [one = "", two = ""] = marketplace.servers;
    const words = `Spoilt${createHash("sha256").update(value).digest("hex").slice(0, 8)}`;
    const before = (await keys()).length;
    const made = await ask(one, words);
    await waitUntil("it is in Redis", async () => (await keys()).length > before);
    const client = new Redis(redis.url);
    const odd = value.replace("NOW", String(Date.now()));
    for (const key of await keys()) await client.set(key, odd, "KEEPTTL");
    await client.quit();
    expect(await ask(two, words)).toEqual({ ...made, age: null });
  });

  test.each<[string, () => Promise<unknown>]>([
    ["is flushed", () => new Redis(redis.url).flushall()],
    ["hangs", async () => redis.process.kill("SIGSTOP")],
    ["is gone", async () => redis.close()],
  ])("when Redis %s, the answers are the same", async (state, happen) => {
    const word = state.replaceAll(" ", "");
    await happen();
    await rename(`Without Redis: ${word}`);
    for (const repeat of [1, 2, 3]) {
      const answers = await Promise.all(
        marketplace.servers.flatMap((server) =>
          Array.from({ length: 20 }, (_, index) => ask(server, `${word}${repeat}x${index % 5}`)),
        ),
      );
      for (const { status, text } of answers) {
        expect([status, text.includes(`Without Redis: ${word}`)]).toEqual([200, true]);
      }
    }
    // In the process answers are kept as ever.
    await waitUntil("one is kept", async () => {
      return (await ask(marketplace.servers[0] ?? "", "Kept")).age !== null;
    });
  });
});
