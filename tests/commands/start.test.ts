/**
 * `npm start` as a newcomer runs it, in an empty folder and with no variable but where: it says when
 * it is ready and with what, ends in order at Ctrl-C, and the next time goes on with what is there.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { apiClient } from "../helpers/client.ts";
import { npmStart, type Started } from "../helpers/npmStart.ts";
import { readText } from "../tidy/repository.ts";

const folder = mkdtempSync(join(tmpdir(), "staybase-start-"));
const running: Started[] = [];

afterEach(async () => {
  for (const started of running.splice(0)) await started.interrupt();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(): Promise<Started> {
  const started = await npmStart(folder);
  running.push(started);
  return started;
}

/** How the start found the demo: whether it made it, and how much there is. */
function demo({ output }: Started): { created: boolean; listings: number } {
  const lines = output().split("\n");
  const line = lines.find((text) => text.includes("the demo market is there")) ?? "{}";
  const { created, listings } = JSON.parse(line);
  return { created, listings };
}

/** The addresses that somebody would open: not those that come with a method or a command. */
function linksIn(output: string): string[] {
  const text = output.slice(output.indexOf("Staybase is ready"));
  const links = text.match(/(?<!POST |curl )https?:\/\/\S+/g) ?? [];
  expect(links.length).toBeGreaterThan(4);
  return links;
}

const COUNT = "{ listings { totalCount } }";

test("is what npm start runs", () => {
  expect(JSON.parse(readText("package.json")).scripts.start).toBe(
    "NODE_COMPILE_CACHE=node_modules/.cache/compiled exec node --max-old-space-size=288 --max-semi-space-size=32 src/main.ts",
  );
});

test("makes a database, fills it once, and ends with 0 at Ctrl-C, the second time too", async () => {
  const first = await start();
  expect(first.output()).toMatch(/host@staybase\.example {2}staybase-demo/);
  expect(demo(first)).toEqual({ created: true, listings: 600 });
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
  for (const link of linksIn(first.output())) {
    const page = await fetch(link, { headers: { accept: "text/html" } });
    expect([link, page.status]).toEqual([link, 200]);
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
  }
  const client = apiClient(first.url);
  const signIn = { email: "host@staybase.example", password: "staybase-demo" };
  expect(await client.post("/v1/auth/login", signIn)).toMatchObject({ status: 200 });
  const before = await client.query(COUNT);
  expect(before).toEqual({ listings: { totalCount: 588 } });
  expect(await first.interrupt()).toBe(0);
  expect(existsSync(join(folder, "data", "run.json"))).toBe(false);

  const second = await start();
  expect(demo(second)).toEqual({ created: false, listings: 600 });
  expect(await apiClient(second.url).query(COUNT)).toEqual(before);
  expect(await second.interrupt()).toBe(0);
}, 300_000);
