/** Who is connected to a busy server does not keep others from being connected. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { afterEach, expect, test } from "@jest/globals";
import { waitUntil } from "../helpers/marketplace.ts";

const CLIENTS = 60;
/** So many of them are there already when the others come. */
const THERE = 15;

const servers: ChildProcess[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.kill("SIGKILL");
});

/** A server that is busy with each request for 3 ms; resolves to its port. */
async function startBusy(hasTurns: boolean): Promise<number> {
  const turns = new URL("../../src/http/turns.ts", import.meta.url);
  const code = `import express from "express";
    import { installTurns } from "${turns}";
    const app = express();
    if (${hasTurns}) installTurns(app);
    app.use((_request, response) => {
      const end = performance.now() + 3;
      while (performance.now() < end);
      response.end();
    });
    const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "pipe" });
  servers.push(child);
  const [port] = await once(child.stdout, "data");
  return Number(port);
}

/** How many answers each of those who come later has, when all of them could have had six. */
async function share(port: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const had = Array.from({ length: CLIENTS }, () => 0);
  let answers = 0;
  const ask = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const request = get({ port, agent, host: "127.0.0.1" }, (response) => {
        response.resume().once("end", resolve);
      });
      request.once("error", reject);
    });
  const client = async (index: number): Promise<void> => {
    for (;;) {
      await ask();
      answers += 1;
      had[index] = (had[index] ?? 0) + 1;
    }
  };
  const clients = (from: number, to: number): void => {
    // It ends with its connection.
    for (let index = from; index < to; index += 1) client(index).catch(() => undefined);
  };
  clients(0, THERE);
  await waitUntil("some are served", () => answers > THERE);
  clients(THERE, CLIENTS);
  const enough = answers + 6 * CLIENTS;
  await waitUntil("they could have been served", () => answers >= enough);
  agent.destroy();
  return had.slice(THERE);
}

test("everybody who comes is served as often as who is there", async () => {
  const least = Math.min(...(await share(await startBusy(true))));
  expect(least).toBeGreaterThan(1);
});

test("which is not so where requests begin as they come", async () => {
  const least = Math.min(...(await share(await startBusy(false))));
  expect(least).toBeLessThanOrEqual(1);
});
