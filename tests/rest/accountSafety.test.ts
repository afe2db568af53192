/**
 * What protects an account: the audit log that shows who was there, as its owner, strangers and
 * operators see it.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { apiClient, type Client } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";

const database = testDatabase();
let marketplace: Marketplace;
let anybody: Client;
let olga: Person;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  anybody = apiClient(marketplace.servers[0] ?? "");
  olga = await makeOperator(await join("Olga"));
}, 90_000);

afterAll(async () => marketplace?.dispose(), 30_000);

const join = (name: string): Promise<Person> =>
  signUp(marketplace, marketplace.servers[0] ?? "", name);

const logIn = (email: string, password: string) =>
  anybody.post("/v1/auth/login", { email, password }, { "user-agent": "a phone" });

async function signedIn(email: string, password = PASSWORD): Promise<Client> {
  const { status, body } = await logIn(email, password);
  expect(status).toBe(200);
  return anybody.withToken(String(body.accessToken));
}

async function makeOperator(person: Person): Promise<Person> {
  await database.owner.query("insert into app_private.operators (user_id) values ($1)", [
    person.userId,
  ]);
  return { ...person, client: await signedIn(person.email) };
}

interface Entry {
  readonly action: string;
  readonly userId: string | null;
  readonly actorId: string | null;
  readonly network: string;
  readonly device: string;
  readonly operation: string | null;
  readonly subjectId: string | null;
}

async function entries(client: Client, query = ""): Promise<Entry[]> {
  const { status, body } = await client.get(`/v1/audit-entries?limit=100${query}`);
  expect(status).toBe(200);
  return body.items as Entry[];
}

const actions = async (client: Client, query = ""): Promise<string[]> =>
  (await entries(client, query)).map(({ action }) => action);

describe("the audit log", () => {
  test("shows who signed in, who failed to, and what has changed, on both faces", async () => {
    const { email, userId } = await join("Ann");
    expect((await logIn(email.toUpperCase(), "wrong horse battery")).status).toBe(401);
    const phone = await signedIn(email);
    const { status } = await phone.rest("PUT", "/v1/me/password", {
      currentPassword: PASSWORD,
      password: "another horse battery",
    });
    expect(status).toBe(204);
    const found = await entries(phone);
    expect(found.map(({ action }) => action)).toEqual([
      "password_changed",
      "signed_in",
      "sign_in_failed",
      "signed_in",
      "signed_in",
    ]);
    const [changed, entered, failed] = found;
    expect(changed).toMatchObject({ userId, actorId: userId, network: "127.0.0.1" });
    expect(entered).toMatchObject({ actorId: userId, network: "127.0.0.1", device: "a phone" });
    expect(failed).toMatchObject({ userId, actorId: null, network: "127.0.0.1" });
    const { auditEntries } = await phone.query<{ auditEntries: { nodes: Entry[] } }>(
      "{ auditEntries { nodes { action userId actorId network device } } }",
    );
    expect(auditEntries.nodes.map(({ action }) => action.toLowerCase())).toEqual(
      found.map(({ action }) => action),
    );
  });

  test("is nobody's but the person's and the operator's", async () => {
    const [ben, eve] = [await join("Ben"), await join("Eve")];
    const his = `&userId=${ben.userId}`;
    expect(await entries(eve.client, his)).toEqual([]);
    expect((await anybody.get("/v1/audit-entries")).status).toBe(401);
    const { auditEntries } = await anybody.query<{ auditEntries: { nodes: Entry[] } }>(
      "{ auditEntries { nodes { id } } }",
    );
    expect(auditEntries.nodes).toEqual([]);
    expect(await actions(olga.client, his)).toEqual(await actions(ben.client));
  });

  test("keeps a try at an address that nobody has, without the address", async () => {
    expect((await logIn("nobody.at.all@example.com", PASSWORD)).status).toBe(401);
    const [newest] = await entries(olga.client);
    expect(newest).toMatchObject({ action: "sign_in_failed", userId: null, actorId: null });
    expect(JSON.stringify(newest)).not.toContain("nobody.at.all");
  });

  test("notes what an operator does, and nothing that was refused", async () => {
    const guest = await join("Gus");
    const setQuota = (most: number) =>
      olga.client.send(
        `mutation { setQuota(input: { userId: "${guest.userId}", kind: LISTINGS, most: ${most} })
          { result } }`,
      );
    expect((await setQuota(7)).errors).toEqual([]);
    expect((await setQuota(-1)).errors).toHaveLength(1);
    const [newest, before] = await entries(olga.client, `&actorId=${olga.userId}`);
    expect(newest).toMatchObject({
      action: "operator_acted",
      operation: "set_quota",
      actorId: olga.userId,
      userId: guest.userId,
      subjectId: guest.userId,
      network: "127.0.0.1",
    });
    expect(before?.action).not.toBe("operator_acted");
    // It is about the guest, who may know.
    expect(await actions(guest.client)).toContain("operator_acted");
  });
});
