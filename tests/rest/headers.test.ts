/**
 * What a request says about itself, and what the log and the answer say of it: nobody outside
 * chooses an id, no header is there twice, and media types have no case.
 */
import { request as httpRequest } from "node:http";
import { afterAll, expect, test } from "@jest/globals";
import type { Config } from "../../src/config/index.ts";
import { startServer } from "../../src/server.ts";
import { testDatabase } from "../helpers/database.ts";
import { openTestResources } from "../helpers/resources.ts";

const database = testDatabase();

afterAll(async () => {
  for (const { close } of await Promise.all(servers.values())) await close();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

type Send = (headers: readonly string[], method?: string, path?: string) => Promise<Answer>;

interface Opened {
  readonly port: number;
  log(): string;
  close(): Promise<void>;
}

/** Starting one takes seconds: tests that want the same settings share it. */
const servers = new Map<string, Promise<Opened>>();

async function start(http: Config["http"]): Promise<Opened> {
  const { resources, log, dispose } = await openTestResources(database, { http });
  const server = await startServer(resources);
  const close = (): Promise<void> => server.stop().finally(dispose);
  return { port: server.port, log, close };
}

/** A server with these settings, how to send it raw headers, and what it has logged from now on. */
async function open(
  changes: Partial<Config["http"]> = {},
): Promise<{ send: Send; lines(): Record<string, unknown>[] }> {
  const http = { ...database.config.http, hosts: ["127.0.0.1"], port: 0, ...changes };
  const settings = JSON.stringify(http);
  const opening = servers.get(settings) ?? start(http);
  servers.set(settings, opening);
  const { port, log } = await opening;
  const known = log().length;
  const send: Send = (headers, method = "GET", path = "/v1/me") =>
    new Promise((resolve, reject) => {
      const given = headers.some((name) => name.toLowerCase() === "host");
      const all = given ? [...headers] : ["Host", "localhost", ...headers];
      const request = httpRequest({ port, method, path, headers: all, agent: false }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      });
      request.on("error", reject);
      request.end(method === "POST" ? "{}" : undefined);
    });
  const lines = () =>
    log()
      .slice(known)
      .split("\n")
      .filter((line) => line.includes('"path"'))
      .map((line) => JSON.parse(line));
  return { send, lines };
}

const GIVEN = "given-by-somebody";

test.each<[string, Config["http"]["trustProxy"], boolean]>([
  ["nobody", false, false],
  ["another network", ["192.0.2.0/24"], false],
  ["this machine", ["loopback"], true],
  ["one proxy", 1, true],
])("an id that comes along is kept only when it is trusted: %s", async (_who, trustProxy, kept) => {
  const { send } = await open({ trustProxy });
  const { headers } = await send(["X-Request-Id", GIVEN]);
  expect(headers["x-request-id"] === GIVEN).toBe(kept);
});

test.each([
  ["network", "203.0.113.0/24"],
  ["address", "203.0.113.77"],
  ["none", undefined],
] as const)("the log says who asked, with LOG_CLIENTS=%s", async (logClients, client) => {
  const { send, lines } = await open({ trustProxy: 1, logClients });
  await send(["X-Forwarded-For", "203.0.113.77"]);
  expect(lines().map((line) => line.client)).toEqual([client]);
});

test("of an IPv6 address the log has its first 48 bits", async () => {
  const { send, lines } = await open({ trustProxy: 1 });
  await send(["X-Forwarded-For", "2001:db8:1:2:3:4:5:6"]);
  expect(lines()).toMatchObject([{ client: "2001:db8:1::/48" }]);
});

test.each([
  ["Host", "localhost", "host", "elsewhere.example"],
  ["Host", "localhost", "Host", "localhost"],
  ["Authorization", "Bearer a", "authorization", "Bearer b"],
  ["Content-Type", "application/json", "Content-Type", "text/plain"],
  ["Stripe-Signature", "t=1,v1=a", "stripe-signature", "t=1,v1=b"],
  ["Host", "local host"],
  ["Host", "a@b"],
  ["Host", "localhost:port"],
  ["Host", ""],
])("the headers %j are refused", async (...headers) => {
  const { send } = await open();
  for (const path of ["/v1/me", "/graphql", "/v1/webhooks/stripe", "/healthz"]) {
    const { status, body } = await send(headers, "POST", path);
    expect([path, status, JSON.parse(body)]).toMatchObject([path, 400, { code: "INVALID_INPUT" }]);
  }
});

test.each(["localhost", "stay.example.com:8443", "[::1]:4000", "203.0.113.7"])(
  "the host %s is one",
  async (host) => {
    expect(await (await open()).send(["Host", host])).toMatchObject({ status: 401 });
  },
);

test.each(["APPLICATION/JSON", "Application/Json;charset=UTF-8", "application/JSON ; a=B"])(
  "the media type %s is JSON, on both faces",
  async (type) => {
    const { send } = await open();
    for (const path of ["/v1/auth/login", "/graphql"]) {
      const { status } = await send(["Content-Type", type], "POST", path);
      expect([path, status]).toEqual([path, 400]);
    }
  },
);

test("every answer keeps pages from the machine's devices", async () => {
  const { send } = await open();
  for (const path of ["/docs", "/v1/me", "/graphql", "/nothing"]) {
    const { headers } = await send([], "GET", path);
    expect(headers["permissions-policy"]).toContain("geolocation=()");
  }
});
