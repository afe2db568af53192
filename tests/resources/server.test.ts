/**
 * Claims about the server's connections: who is being answered is answered to the end, on every
 * address, and nobody can hold connections or answers for ever. And who may see `/dev/mail`.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { type Response, Router } from "express";
import { startStandIns } from "../../src/dev/standIns.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { type ConnectionLimits, standInPages, startServer } from "../../src/server.ts";
import { testDatabase } from "../helpers/database.ts";
import { waitUntil } from "../helpers/marketplace.ts";
import { openTestResources } from "../helpers/resources.ts";

const database = testDatabase();
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Serving {
  readonly port: number;
  /** The answers that wait for the test to give them. */
  readonly waiting: Response[];
  stop(): Promise<void>;
}

async function serve(hosts: readonly string[], limits?: ConnectionLimits): Promise<Serving> {
  const opened = await openTestResources(database, { http: { hosts, port: 0 } });
  cleanups.push(() => opened.dispose());
  const waiting: Response[] = [];
  const router = Router().get("/", (_request, response) => void waiting.push(response));
  const server = await startServer(opened.resources, { pages: { "/wait": router }, limits });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= server.stop();
    return stopped;
  };
  cleanups.push(stop);
  return { port: server.port, waiting, stop };
}

/** A connection that has sent `text`, and reads nothing until it is told to. */
async function send(port: number, text: string): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  cleanups.push(() => socket.destroy());
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

const GET = "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n";

async function hasIpv6Loopback(): Promise<boolean> {
  const server = createServer();
  const outcome = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ host: "::1", port: 0 }, () => resolve(true));
  });
  server.close();
  return outcome;
}

test.each(["127.0.0.1", "::1"])(
  "a server that stops answers what it has begun, also on %s, and then does not linger",
  async (address) => {
    if (address === "::1" && !(await hasIpv6Loopback())) {
      process.stderr.write("IPv6 is not tested: this machine has no ::1.\n");
      return;
    }
    const server = await serve(["127.0.0.1", "::1"]);
    const host = address === "::1" ? "[::1]" : address;
    const answer = fetch(`http://${host}:${server.port}/wait`).then(
      (response) => response.text(),
      (error: unknown) => String(error),
    );
    await waitUntil("the request has come", () => server.waiting.length === 1);
    let stopped = false;
    const stopping = server.stop().then(() => {
      stopped = true;
    });
    await waitUntil("new connections are refused", async () => {
      const url = `http://${host}:${server.port}/healthz`;
      return fetch(url).then(
        () => false,
        () => true,
      );
    });
    expect(stopped).toBe(false);
    const answered = Date.now();
    server.waiting[0]?.send("at last");
    expect(await answer).toBe("at last");
    await stopping;
    // The connection is kept alive; ten seconds later it would be cut off.
    expect(Date.now() - answered).toBeLessThan(5000);
  },
);

test("who does not read an answer is cut off", async () => {
  const server = await serve(["127.0.0.1"], { idleMs: 300, most: 10 });
  const socket = await send(server.port, GET);
  socket.pause();
  await waitUntil("the request has come", () => server.waiting.length === 1);
  const [response] = server.waiting;
  // More than the buffers of both ends hold.
  response?.send(Buffer.alloc(64 * 1024 * 1024));
  await waitUntil("the connection is closed", () => response?.closed === true, 10_000);
  expect(response?.writableFinished).toBe(false);
});

test("connections beyond the cap are closed, and those before it go on", async () => {
  const server = await serve(["127.0.0.1"], { idleMs: 60_000, most: 2 });
  const admitted = [await send(server.port, GET), await send(server.port, GET)];
  await waitUntil("both requests have come", () => server.waiting.length === 2);
  const third = await send(server.port, GET);
  third.resume();
  if (!third.closed) await once(third, "close");
  expect(server.waiting).toHaveLength(2);
  for (const response of server.waiting) response.send("here");
  for (const socket of admitted) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1.1 200/);
  }
});

test("the mailbox is shown for the mail catcher alone, where nobody else can come", async () => {
  const { resources, dispose } = await openTestResources(database);
  cleanups.push(dispose);
  const pagesOf = async (isLocal: boolean, isStandIn: boolean): Promise<string[]> => {
    const { config } = resources;
    const mail = { ...config.mail, isStandIn };
    // Stand-ins are allowed in each case: that they may be used does not mean that they are.
    const changed = { ...config, isLocal, allowStandIns: true, mail };
    return Object.keys(await standInPages({ ...resources, config: changed }));
  };
  expect(await pagesOf(true, true)).toEqual(["/dev/mail"]);
  expect(await pagesOf(true, false)).toEqual([]);
  // Production never counts as local: tests/tidy/env.test.ts.
  expect(await pagesOf(false, true)).toEqual([]);
  expect(await pagesOf(false, false)).toEqual([]);
});

test("the configuration of a mail server is not that of the catcher", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "staybase-mail-"));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const given = { ...database.config, dataDir };
  expect(given.mail.isStandIn).toBe(false);
  const mail = { ...given.mail, mailboxDir: join(dataDir, "mail") };
  const logger = createLogger({ level: "silent" });
  const standIns = await startStandIns({ ...given, mail }, logger, { only: ["mail"] });
  cleanups.push(() => standIns.close());
  expect(standIns.config.mail.isStandIn).toBe(true);
});
