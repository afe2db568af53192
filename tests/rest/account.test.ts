/**
 * What people do with their account: another password, a forgotten one, another address, and an end
 * to sessions that are not theirs any more, on two servers.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { apiClient, type Client, type RestResponse } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Mail, type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";

const database = testDatabase();
let marketplace: Marketplace;
let one: Client;
let two: Client;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 2);
  marketplace.startWorker();
  const [first = "", second = ""] = marketplace.servers;
  [one, two] = [apiClient(first), apiClient(second)];
});

afterAll(async () => marketplace?.dispose(), 30_000);

const NEW = "another horse battery";

async function mailTo(email: string, subject: string, count = 1): Promise<Mail> {
  let found: Mail[] = [];
  await waitUntil(`${count} mails to ${email}: ${subject}`, async () => {
    const mails = await marketplace.mails();
    found = mails.filter((mail) => mail.to.includes(email) && mail.subject === subject);
    return found.length >= count;
  });
  return found[0] as Mail;
}

const tokenOf = (mail: Mail): string =>
  new URL(mail.links[0] ?? "").searchParams.get("token") ?? "";

const join = (name: string): Promise<Person> =>
  signUp(marketplace, marketplace.servers[0] ?? "", name);

const logIn = (client: Client, email: string, password: string): Promise<RestResponse> =>
  client.post("/v1/auth/login", { email, password }, { "user-agent": "a phone" });

async function signedIn(client: Client, email: string, password = PASSWORD): Promise<Client> {
  const { status, body } = await logIn(client, email, password);
  expect(status).toBe(200);
  return client.withToken(String(body.accessToken));
}

const forgot = (email: string): Promise<RestResponse> =>
  one.post("/v1/auth/password/forgot", { email });
const reset = (token: string, password: string): Promise<RestResponse> =>
  two.post("/v1/auth/password/reset", { token, password });

/** Until both faces of a server refuse a token. */
async function refusedBy(client: Client): Promise<void> {
  await waitUntil(
    "the session has ended there",
    async () => (await client.get("/v1/me")).status === 401,
  );
  const { status, errors } = await client.send("{ me { id } }");
  expect([status, errors[0]?.extensions?.code]).toEqual([401, "TOKEN_INVALID"]);
}

describe("a forgotten password", () => {
  test("is replaced by the mailed link, once, and everybody else is out", async () => {
    const { email, client } = await join("Ada");
    const thief = await signedIn(two, email);
    expect((await forgot(email)).status).toBe(202);
    const first = tokenOf(await mailTo(email, "Choose a new password"));
    // Somebody else asks, too: the link that the person is about to open stays good.
    expect((await forgot(email.toUpperCase())).status).toBe(202);
    await mailTo(email, "Choose a new password", 2);
    const mails = (await marketplace.mails()).filter(({ subject }) => subject.startsWith("Choose"));
    const other = mails.map(tokenOf).find((token) => token !== first) ?? "";
    // Who has guessed at it too often gets in as well.
    const guesses: number[] = [];
    for (let guess = 0; guess < 11; guess += 1) {
      guesses.push((await logIn(two, email, "not the password")).status);
    }
    expect(guesses.at(-1)).toBe(429);
    const { status, body } = await reset(first, NEW);
    expect(status).toBe(200);
    expect(await two.withToken(String(body.accessToken)).get("/v1/me")).toMatchObject({
      body: { email },
    });
    for (const used of [first, other]) {
      expect(await reset(used, NEW)).toMatchObject({ status: 410, body: { code: "LINK_INVALID" } });
    }
    await Promise.all([refusedBy(client), refusedBy(thief)]);
    expect((await logIn(one, email, PASSWORD)).status).toBe(401);
    expect((await logIn(one, email, NEW)).status).toBe(200);
    await mailTo(email, "Your password has changed");
  });

  test("of nobody is answered alike, and mails nobody", async () => {
    const { email } = await join("Bob");
    const [known, unknown] = [await forgot(email), await forgot("nobody@example.com")];
    expect([unknown.status, unknown.body]).toEqual([known.status, known.body]);
    await mailTo(email, "Choose a new password");
    expect((await marketplace.mails()).some(({ to }) => to.includes("nobody@"))).toBe(false);
  });

  test("is not replaced by a weak one, and the link stays good", async () => {
    const { email } = await join("Cleo");
    await forgot(email);
    const token = tokenOf(await mailTo(email, "Choose a new password"));
    expect(await reset(token, "1234567890")).toMatchObject({
      status: 400,
      body: { code: "INVALID_INPUT", fields: ["password"] },
    });
    expect((await reset(token, NEW)).status).toBe(200);
  });

  test("is not replaced by a link that is too old, or for something else", async () => {
    const { email, client } = await join("Dan");
    await forgot(email);
    const token = tokenOf(await mailTo(email, "Choose a new password"));
    expect((await one.post("/v1/auth/email/confirm", { token })).status).toBe(410);
    await client.rest("PUT", "/v1/me/email", { email: "dan.new@example.com", password: PASSWORD });
    const other = tokenOf(await mailTo("dan.new@example.com", "Confirm your new e-mail address"));
    expect((await reset(other, NEW)).status).toBe(410);
    await database.owner.query(
      "update app_private.one_time_tokens set expires_at = app_hidden.clock()",
    );
    expect((await reset(token, NEW)).status).toBe(410);
    expect((await one.post("/v1/auth/email/confirm", { token: other })).status).toBe(410);
  });

  test("has a page of ours", async () => {
    const { email } = await join("Eve");
    await forgot(email);
    const mail = await mailTo(email, "Choose a new password");
    const link = new URL(mail.links[0] ?? "");
    const url = `${marketplace.servers[0]}${link.pathname}`;
    const shown = await fetch(url + link.search);
    expect([shown.status, await shown.text()]).toEqual([
      200,
      expect.stringContaining("Choose a new password"),
    ]);
    const send = (password: string): Promise<Response> =>
      fetch(url, {
        method: "POST",
        body: new URLSearchParams({ token: tokenOf(mail), password }),
      });
    const weak = await send("password");
    expect([weak.status, await weak.text()]).toEqual([400, expect.stringContaining("tried first")]);
    expect((await send(NEW)).status).toBe(200);
    expect((await send(NEW)).status).toBe(410);
    expect((await fetch(url)).status).toBe(400);
  });
});

describe("another password", () => {
  test("needs the one there is, keeps this session, and ends the others", async () => {
    const { email, client } = await join("Fay");
    const other = await signedIn(two, email);
    const change = (currentPassword: string, password: string): Promise<RestResponse> =>
      client.rest("PUT", "/v1/me/password", { currentPassword, password });
    expect(await change("not the password", NEW)).toMatchObject({
      status: 401,
      body: { code: "INVALID_CREDENTIALS", fields: ["currentPassword"] },
    });
    for (const weak of [
      "short",
      "1234567890",
      "          ",
      email,
      "fay@example",
      "Fay\u0000Fay\u0000Fay",
    ]) {
      const { status, body } = await change(PASSWORD, weak);
      if (weak === "fay@example") expect(status).toBe(204);
      else expect([weak, status, body.code]).toEqual([weak, 400, "INVALID_INPUT"]);
      if (status === 204) expect((await change(weak, PASSWORD)).status).toBe(204);
    }
    expect((await change(PASSWORD, NEW)).status).toBe(204);
    expect((await client.get("/v1/me")).status).toBe(200);
    await refusedBy(other);
    await mailTo(email, "Your password has changed");
    expect((await logIn(one, email, PASSWORD)).status).toBe(401);
    expect((await logIn(one, email, NEW)).status).toBe(200);
  });

  test("is tried ten times, and by nobody but its person", async () => {
    const { client } = await join("Gil");
    const statuses: number[] = [];
    for (let index = 0; index < 11; index += 1) {
      const wrong = { currentPassword: "not the password", password: NEW };
      statuses.push((await client.rest("PUT", "/v1/me/password", wrong)).status);
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429]);
    expect(
      (await one.rest("PUT", "/v1/me/password", { currentPassword: "x", password: NEW })).status,
    ).toBe(401);
  });
});

describe("another address", () => {
  test("is proven by its mailbox, and the old one is told", async () => {
    const { email, client, userId } = await join("Hal");
    const change = (to: string, password = PASSWORD): Promise<RestResponse> =>
      client.rest("PUT", "/v1/me/email", { email: to, password });
    expect((await change("hal.new@example.com", "not the password")).status).toBe(401);
    expect((await change("hal.new@example.com")).status).toBe(202);
    const token = tokenOf(await mailTo("hal.new@example.com", "Confirm your new e-mail address"));
    // Nothing has changed yet.
    expect((await logIn(one, email, PASSWORD)).status).toBe(200);
    expect((await one.post("/v1/auth/email/confirm", { token })).status).toBe(204);
    expect((await one.post("/v1/auth/email/confirm", { token })).status).toBe(410);
    await mailTo(email, "Your e-mail address has changed");
    expect((await logIn(one, email, PASSWORD)).status).toBe(401);
    expect(await logIn(one, "hal.new@example.com", PASSWORD)).toMatchObject({
      status: 200,
      body: { userId },
    });
  });

  test("that is another's is answered alike, mails nobody, and is never taken", async () => {
    const [ivy, jon] = [await join("Ivy"), await join("Jon")];
    const { status } = await ivy.client.rest("PUT", "/v1/me/email", {
      email: jon.email,
      password: PASSWORD,
    });
    expect(status).toBe(202);
    // Two who want the same one: who opens the link first has it.
    for (const { client } of [ivy, jon]) {
      await client.rest("PUT", "/v1/me/email", { email: "both@example.com", password: PASSWORD });
    }
    await mailTo("both@example.com", "Confirm your new e-mail address", 2);
    const tokens = (await marketplace.mails())
      .filter(({ to, subject }) => to.includes("both@") && subject.startsWith("Confirm"))
      .map(tokenOf);
    const statuses: number[] = [];
    for (const token of tokens) {
      statuses.push((await one.post("/v1/auth/email/confirm", { token })).status);
    }
    expect(statuses.toSorted()).toEqual([204, 410]);
    const toJon = (await marketplace.mails()).filter(({ to }) => to.includes(jon.email));
    expect(toJon.map(({ subject }) => subject)).not.toContain("Confirm your new e-mail address");
  });
});

describe("sessions", () => {
  test("are seen and ended, one or all others, on every server", async () => {
    const { email, client } = await join("Kim");
    const [phone, tablet] = [await signedIn(one, email), await signedIn(two, email)];
    const list = async (): Promise<{ id: string; device: string; isCurrent: boolean }[]> =>
      (await phone.get("/v1/me/sessions")).body.items as never;
    const sessions = await list();
    // Confirming the address signs in as well.
    expect(sessions).toHaveLength(4);
    expect(sessions.filter(({ isCurrent }) => isCurrent)).toHaveLength(1);
    expect(sessions.filter(({ device }) => device === "a phone")).toHaveLength(2);
    const { sessions: same } = await phone.query<{ sessions: object[] }>(
      "{ sessions { id device createdAt lastUsedAt isCurrent } }",
    );
    expect(same).toEqual((await phone.get("/v1/me/sessions")).body.items);

    const [{ id: tabletId } = { id: "" }] = (await tablet.get("/v1/me/sessions")).body.items as {
      id: string;
      isCurrent: boolean;
    }[];
    expect((await phone.delete(`/v1/me/sessions/${tabletId}`)).status).toBe(204);
    expect((await phone.delete(`/v1/me/sessions/${tabletId}`)).status).toBe(403);
    await refusedBy(tablet);
    expect((await phone.delete("/v1/me/sessions")).status).toBe(204);
    await refusedBy(client);
    expect(await list()).toHaveLength(1);
  });

  test("of others are nobody's to see or end", async () => {
    const [lea, max] = [await join("Lea"), await join("Max")];
    const [session] = (await lea.client.get("/v1/me/sessions")).body.items as { id: string }[];
    expect((await max.client.delete(`/v1/me/sessions/${session?.id}`)).status).toBe(403);
    const { errors } = await one.send(
      `mutation { endOwnSession(input: { sessionId: "${session?.id}" }) { result } }`,
    );
    expect(errors[0]?.extensions?.code).toBe("UNAUTHENTICATED");
    expect((await lea.client.get("/v1/me")).status).toBe(200);
    const { sessions } = await one.query<{ sessions: object[] }>("{ sessions { id } }");
    expect(sessions).toEqual([]);
  });

  test("that end by the database alone end on a server that starts later, too", async () => {
    const { client, userId } = await join("Nia");
    await database.owner.query(
      "update app_private.sessions set ended_at = app_hidden.clock() where user_id = $1",
      [userId],
    );
    await refusedBy(client);
    const later = await openMarketplace(database, 1);
    try {
      await refusedBy(client.at(later.servers[0] ?? ""));
    } finally {
      await later.dispose();
    }
  });
});
