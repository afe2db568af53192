/**
 * Whether somebody has an account is told to nobody who asks for one: to log in in vain, to register
 * and to forget a password are answered alike, to the byte, for an address that is known and for one
 * that is not.
 */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type RunningServer, startServer } from "../../src/server.ts";
import { testDatabase } from "../helpers/database.ts";
import { asOwner, somebody, text as textIn } from "../helpers/factories.ts";
import { openTestResources, type TestResources } from "../helpers/resources.ts";

const database = testDatabase();
const PASSWORD = "correct horse battery";
const UNKNOWN = "nobody-at-all@example.com";
let opened: TestResources;
let server: RunningServer;
let known: string;

beforeAll(async () => {
  opened = await openTestResources(database, {
    http: { hosts: ["127.0.0.1"], port: 0, trustProxy: ["loopback"] },
  });
  server = await startServer(opened.resources);
  const userId = await somebody(database);
  await asOwner(
    database,
    "update app_private.user_secrets set password_hash = $2 where user_id = $1",
    [userId, await opened.resources.passwords.hash(PASSWORD)],
  );
  const contacts = "select email::text from app_public.user_contacts where user_id = $1";
  known = textIn(await asOwner(database, contacts, [userId]), "email");
});

afterAll(async () => {
  await server?.stop();
  await opened?.dispose();
});

/** The second, and a sum over the body, which names the request. */
const EACH_TIME = /^(?:Date|ETag)$/;
let senders = 0;

/** Everything of an answer but what differs each time: the second, the request's id, a new key. */
async function answerTo(path: string, body: object): Promise<unknown> {
  senders += 1;
  const sent = httpRequest({
    port: server.port,
    path: `/v1/auth/${path}`,
    method: "POST",
    agent: false,
    // Nobody has asked from there before, so that the limits say the same.
    headers: { "content-type": "application/json", "x-forwarded-for": `198.51.${senders}.1` },
  });
  sent.end(JSON.stringify(body));
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const answer = await text(response);
  const key = /"registrationKey":"([\w-]{43})"/.exec(answer)?.[1] ?? "no key";
  const id = String(response.headers["x-request-id"]);
  const masked = (value: string): string => value.replaceAll(key, "<key>").replaceAll(id, "<id>");
  const headers = response.rawHeaders.map((value, index, all) =>
    index % 2 === 1 && EACH_TIME.test(all[index - 1] ?? "") ? "<other>" : masked(value),
  );
  return { status: response.statusCode, headers, body: masked(answer) };
}

const ASKED: readonly (readonly [path: string, status: number, more: object])[] = [
  ["login", 401, { password: "something else" }],
  ["login", 401, { password: "x".repeat(100) }],
  ["register", 202, { password: PASSWORD, displayName: "Somebody" }],
  ["password/forgot", 202, {}],
];

test.each(ASKED)("%s is answered alike for a known and an unknown address", async (...asked) => {
  const [path, status, more] = asked;
  for (let times = 0; times < 2; times += 1) {
    const answers = [
      await answerTo(path, { ...more, email: known }),
      await answerTo(path, { ...more, email: UNKNOWN }),
    ];
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({ status });
  }
});

test("who has an account and knows the password is answered otherwise", async () => {
  const password = PASSWORD;
  const answers = [
    await answerTo("login", { password, email: known }),
    await answerTo("login", { password, email: UNKNOWN }),
  ];
  expect(answers).toMatchObject([{ status: 200 }, { status: 401 }]);
});
