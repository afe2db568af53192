/** What a person may ask for about their data, over HTTP, with a worker that mails. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { apiClient, type Client } from "../helpers/client.ts";
import { testClock } from "../helpers/clock.ts";
import { testDatabase } from "../helpers/database.ts";
import { asOwner, hold, publishedListing, somebody } from "../helpers/factories.ts";
import { type Mail, type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";

const database = testDatabase();
let marketplace: Marketplace;
let [one, two] = ["", ""];
let anybody: Client;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 2);
  marketplace.startWorker();
  [one = "", two = ""] = marketplace.servers;
  anybody = apiClient(one);
});

afterAll(() => marketplace?.dispose(), 30_000);
afterEach(() => testClock(database, marketplace.stripe).reset());

const join = (name: string): Promise<Person> => signUp(marketplace, one, name);

/** The newest mail to somebody with this subject. */
async function mailTo(email: string, subject: string): Promise<Mail> {
  let found: Mail | undefined;
  await waitUntil(`"${subject}" to ${email}`, async () => {
    const mails = await marketplace.mails();
    found = mails.find((mail) => mail.to.includes(email) && mail.subject === subject);
    return found !== undefined;
  });
  if (found === undefined) throw new Error("There is no such mail.");
  return found;
}

/** Moves time on past the five minutes in which who has signed in has shown who they are. */
const waitSixMinutes = (): Promise<void> => testClock(database, marketplace.stripe).forward(360);

const count = async (statement: string, values: unknown[] = []): Promise<number> =>
  (await asOwner(database, statement, values)).length;

/** Whether Stripe knows somebody, by the status of its answer. */
async function statusAtStripe(id: string): Promise<number> {
  const authorization = `Bearer ${SIMULATOR_STRIPE_KEYS.secretKey}`;
  const url = `${marketplace.stripe.url}/v1/customers/${id}`;
  return (await fetch(url, { headers: { authorization } })).status;
}

describe("closing an account", () => {
  test("signs out everywhere at once, tells the address, and lets it register anew", async () => {
    const person = await join("Clea");
    const asked = await person.client.post("/v1/setup-intents", undefined, {
      "idempotency-key": randomUUID(),
    });
    expect(asked.status).toBe(200);
    expect((await person.client.at(two).get("/v1/me")).status).toBe(200);
    expect((await person.client.delete("/v1/me")).status).toBe(204);
    expect((await person.client.get("/v1/me")).status).toBe(401);
    await waitUntil("the other server has heard of it", async () => {
      return (await person.client.at(two).get("/v1/me")).status === 401;
    });
    const login = { email: person.email, password: PASSWORD };
    expect((await anybody.post("/v1/auth/login", login)).status).toBe(401);

    const { text } = await mailTo(person.email, "Your account is closed");
    expect(text).not.toContain("Clea");
    await waitUntil("the notice has gone with the address", async () => {
      const notices = "select from app_private.account_notices where user_id = $1";
      return (await count(notices, [person.userId])) === 0;
    });
    const { body } = await anybody.get(`/v1/users/${person.userId}`);
    expect(body).toMatchObject({ displayName: "Former member", bio: "", languages: [] });

    const rows = await asOwner(
      database,
      "select stripe_customer_id as id from app_private.stripe_customers where user_id = $1",
      [person.userId],
    );
    expect(await statusAtStripe(String(rows[0]?.id))).toBe(200);
    await testClock(database, marketplace.stripe).forward(61);
    await waitUntil("Stripe has forgotten the person", async () => {
      return (await statusAtStripe(String(rows[0]?.id))) === 404;
    });
    await waitUntil("and we who that was", async () => {
      return (await count("select from app_private.stripe_customers")) === 0;
    });
    await testClock(database, marketplace.stripe).reset();

    const anew = await anybody.post("/v1/auth/register", { ...login, displayName: "Clea" });
    expect(anew.status).toBe(202);
    await waitUntil("a second link to the same address", async () => {
      const mails = await marketplace.mails();
      const links = mails.filter(({ to, links }) => to.includes(person.email) && links.length > 0);
      return links.length === 2;
    });
  });

  test("wants a fresh sign-in, and says what is in the way", async () => {
    const person = await join("Dora");
    const listing = await publishedListing(database, await somebody(database));
    const stay = (days: number) => new Date(Date.now() + days * 864e5).toISOString().slice(0, 10);
    await hold(database, person.userId, listing, [stay(30), stay(32)]);
    const { status, body } = await person.client.delete("/v1/me");
    expect([status, body.code, body.details]).toEqual([409, "ACCOUNT_IN_USE", ["BOOKINGS"]]);
    await waitSixMinutes();
    const late = await person.client.delete("/v1/me");
    expect([late.status, late.body.code]).toEqual([403, "PROOF_REQUIRED"]);
  });

  test("is done by the operator for who cannot, with a reason that is noted", async () => {
    const [person, other] = [await join("Ella"), await join("Olga")];
    await asOwner(database, "insert into app_private.operators (user_id) values ($1)", [
      other.userId,
    ]);
    const login = { email: other.email, password: PASSWORD };
    const { accessToken } = (await anybody.post("/v1/auth/login", login)).body;
    const operator = anybody.withToken(String(accessToken));
    const path = `/v1/users/${person.userId}/erase`;
    expect((await person.client.post(path, { reason: "Me." })).status).toBe(403);
    expect((await operator.post(path, { reason: " " })).body.code).toBe("INVALID_INPUT");
    const erased = await operator.post(path, { reason: "A letter of the 3rd of May." });
    expect([erased.status, erased.body.displayName]).toEqual([200, "Former member"]);
    const { body } = await operator.get(`/v1/audit-entries?userId=${person.userId}&limit=1`);
    expect(body.items).toMatchObject([
      { action: "operator_acted", operation: "erase_user", network: "127.0.0.1" },
    ]);
    expect(await count("select from app_private.erasures where operator_id is not null")).toBe(1);
    const himself = await operator.post(`/v1/users/${other.userId}/erase`, { reason: "Mine." });
    expect([himself.status, himself.body.details]).toEqual([409, ["OPERATOR"]]);
  });
});

describe("one's data", () => {
  test("come by a mailed link, which asks before it gives them, as a file", async () => {
    const person = await join("Fay");
    const asked = await person.client.post("/v1/me/export");
    expect(asked.status).toBe(202);
    const { links } = await mailTo(person.email, "Your data are ready");
    const link = new URL(links[0] ?? "");
    expect(link.pathname).toBe("/export");
    const shown = await fetch(`${two}/export${link.search}`);
    expect(shown.headers.get("cache-control")).toBe("no-store");
    expect(await shown.text()).toContain('<form method="post" action="/export">');
    const body = new URLSearchParams({ token: link.searchParams.get("token") ?? "" });
    // As often as it is needed: a download may break off.
    for (const server of [one, two]) {
      const file = await fetch(`${server}/export`, { method: "POST", body });
      expect(file.status).toBe(200);
      expect(file.headers.get("content-type")).toContain("application/json");
      expect(file.headers.get("content-disposition")).toContain("attachment");
      expect(file.headers.get("cache-control")).toBe("no-store");
      expect(await file.json()).toMatchObject({
        profile: { id: person.userId, displayName: "Fay" },
        contact: { email: person.email },
      });
    }
    expect(marketplace.output()).not.toContain(body.get("token"));
    // Who is erased takes the document with them.
    expect((await person.client.delete("/v1/me")).status).toBe(204);
    const gone = await fetch(`${one}/export`, { method: "POST", body });
    expect([gone.status, gone.headers.get("content-type")]).toEqual([
      410,
      expect.stringContaining("text/html"),
    ]);
  });

  test("want a fresh sign-in, and a whole link", async () => {
    const person = await join("Gil");
    await waitSixMinutes();
    const late = await person.client.post("/v1/me/export");
    expect([late.status, late.body.code]).toEqual([403, "PROOF_REQUIRED"]);
    expect((await fetch(`${one}/export`)).status).toBe(400);
    const body = new URLSearchParams({ token: "none" });
    expect((await fetch(`${one}/export`, { method: "POST", body })).status).toBe(410);
    expect((await fetch(`${one}/export`, { method: "POST" })).status).toBe(410);
  });
});
