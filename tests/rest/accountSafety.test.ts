/**
 * What protects an account: the audit log that shows who was there, a second factor, the proof that
 * what a thief must not do asks for, suspension, and operators who see and change nothing.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Secret, TOTP } from "otpauth";
import { apiClient, type Client, type RestResponse } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { processOf, publishedListing, untilBlocked } from "../helpers/factories.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
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
});

afterAll(async () => marketplace?.dispose(), 30_000);

const join = (name: string): Promise<Person> =>
  signUp(marketplace, marketplace.servers[0] ?? "", name);

const logIn = (email: string, password: string, code?: string): Promise<RestResponse> =>
  anybody.post("/v1/auth/login", { email, password, code }, { "user-agent": "a phone" });

async function signedIn(email: string, password = PASSWORD, code?: string): Promise<Client> {
  const { status, body } = await logIn(email, password, code);
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
  readonly reason: string;
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

const codeOf = ({ status, body }: RestResponse): unknown => [status, body.code];

/** As if the person had signed in so many minutes ago. */
async function age(userId: string, minutes: number): Promise<void> {
  await database.owner.query(
    `update app_private.sessions set proven_at = proven_at - $2 * interval '1 minute'
     where user_id = $1`,
    [userId, minutes],
  );
}

/** What an authenticator app shows some steps of thirty seconds from now. */
type App = (steps?: number) => string;

interface Guarded extends Person {
  readonly app: App;
  readonly recoveryCodes: readonly string[];
}

/**
 * A code is good once. Tests take the step before, then the present one, then the next, all of
 * which are taken; so they need not wait for half a minute.
 */
async function guard(person: Person): Promise<Guarded> {
  const begun = await person.client.post("/v1/me/second-factor");
  expect(begun.status).toBe(201);
  const totp = new TOTP({ secret: Secret.fromBase32(String(begun.body.secret)) });
  const app: App = (steps = 0) => totp.generate({ timestamp: Date.now() + steps * 30_000 });
  const enabled = await person.client.post("/v1/me/second-factor/enable", { code: app(-1) });
  expect(enabled.status).toBe(200);
  return { ...person, app, recoveryCodes: enabled.body.recoveryCodes as string[] };
}

describe("a second factor", () => {
  test("is asked for from the first code on, and each code works once", async () => {
    const cleo = await join("Cleo");
    const thief = await signedIn(cleo.email);
    const begun = await cleo.client.post("/v1/me/second-factor");
    expect(String(begun.body.uri)).toMatch(
      /^otpauth:\/\/totp\/Staybase:cleo%40example\.com\?.*secret=[A-Z2-7]{32}/,
    );
    // Begun is not enabled.
    expect((await logIn(cleo.email, PASSWORD)).status).toBe(200);
    const { email, app, client } = await guard(cleo);
    expect(codeOf(await client.post("/v1/me/second-factor"))).toEqual([
      409,
      "SECOND_FACTOR_ENABLED",
    ]);
    await waitUntil("the session without a code has ended", async () => {
      return (await thief.get("/v1/me")).status === 401;
    });
    expect((await client.get("/v1/me")).status).toBe(200);

    expect(codeOf(await logIn(email, PASSWORD))).toEqual([401, "SECOND_FACTOR_REQUIRED"]);
    expect(codeOf(await logIn(email, "wrong horse battery"))).toEqual([401, "INVALID_CREDENTIALS"]);
    const wrong = app() === "000000" ? "000001" : "000000";
    expect(codeOf(await logIn(email, PASSWORD, wrong))).toEqual([401, "INVALID_CREDENTIALS"]);
    // Two steps away are too far, either way.
    for (const steps of [-2, -3, 3, 4]) {
      const answer = codeOf(await logIn(email, PASSWORD, app(steps)));
      expect([steps, answer]).toEqual([steps, [401, "INVALID_CREDENTIALS"]]);
    }
    const [present, spaced] = [app(), `${app().slice(0, 3)} ${app().slice(3)}`];
    const outcomes = await Promise.all([1, 2, 3].map(() => logIn(email, PASSWORD, present)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    expect((await logIn(email, PASSWORD, spaced)).status).toBe(401);
    // A later step has been taken: the earlier one is of no more use.
    expect((await logIn(email, PASSWORD, app(1))).status).toBe(200);
    expect((await logIn(email, PASSWORD, app())).status).toBe(401);
    const { secondFactor } = await client.query<{ secondFactor: object }>(
      "{ secondFactor { isEnabled isRequired recoveryCodesLeft } }",
    );
    expect(secondFactor).toEqual({ isEnabled: true, isRequired: false, recoveryCodesLeft: 10 });
    expect(await actions(client)).toEqual(
      expect.arrayContaining(["factor_enabled", "recovery_codes_created", "sign_in_failed"]),
    );
  });

  test("is what the database alone does not give away", async () => {
    const { userId, client } = await join("Dora");
    const { body } = await client.post("/v1/me/second-factor");
    const { rows } = await database.owner.query<{ sealed: string }>(
      "select encode(sealed_secret, 'hex') as sealed from app_private.second_factors where user_id = $1",
      [userId],
    );
    const secret = Secret.fromBase32(String(body.secret)).hex.toLowerCase();
    expect(secret).toHaveLength(40);
    expect(rows[0]?.sealed).not.toContain(secret);
    // Somebody who writes to the database cannot give a person the factor of another.
    const eve = await join("Edna");
    await database.owner.query(
      `insert into app_private.second_factors (user_id, sealed_secret)
       select $1, sealed_secret from app_private.second_factors where user_id = $2`,
      [eve.userId, userId],
    );
    const code = new TOTP({ secret: Secret.fromHex(secret) }).generate();
    const { status } = await eve.client.post("/v1/me/second-factor/enable", { code });
    expect(status).toBe(500);
  });

  test("is replaced by a recovery code, once, and the person is told", async () => {
    const { email, recoveryCodes } = await guard(await join("Fay"));
    expect(new Set(recoveryCodes).size).toBe(10);
    const [first = "", second = ""] = recoveryCodes;
    expect(first).toMatch(/^([A-Z2-7]{4}-){3}[A-Z2-7]{4}$/);
    const outcomes = await Promise.all([1, 2, 3].map(() => logIn(email, PASSWORD, first)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    const client = await signedIn(email, PASSWORD, ` ${second.toLowerCase().replaceAll("-", " ")}`);
    const { body } = await client.get("/v1/me/second-factor");
    expect(body).toMatchObject({ isEnabled: true, recoveryCodesLeft: 8 });
    expect((await actions(client)).filter((each) => each === "recovery_code_used")).toHaveLength(2);
    await waitUntil("the person is told", async () =>
      (await marketplace.mails()).some(
        ({ to, subject }) => to.includes(email) && subject === "A recovery code was used",
      ),
    );
    const fresh = await client.post("/v1/me/second-factor/recovery-codes");
    expect(fresh.status).toBe(200);
    expect(codeOf(await logIn(email, PASSWORD, recoveryCodes[2]))).toEqual([
      401,
      "INVALID_CREDENTIALS",
    ]);
    const [newest = ""] = fresh.body.recoveryCodes as string[];
    expect((await logIn(email, PASSWORD, newest)).status).toBe(200);
  });

  test("of another is no use, and guesses are few", async () => {
    const [gil, hal] = [await guard(await join("Gil")), await guard(await join("Hal"))];
    const foreign = await logIn(gil.email, PASSWORD, hal.recoveryCodes[0]);
    expect(codeOf(foreign)).toEqual([401, "INVALID_CREDENTIALS"]);
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess += 1) {
      statuses.push((await logIn(gil.email, PASSWORD, `${100_000 + guess}`)).status);
    }
    expect(statuses.slice(-2)).toEqual([429, 429]);
    const failures = (await actions(gil.client)).filter((each) => each === "sign_in_failed");
    expect(failures).toHaveLength(10);
  });

  test("guards the link that resets a password", async () => {
    const { email, app } = await guard(await join("Ida"));
    expect((await anybody.post("/v1/auth/password/forgot", { email })).status).toBe(202);
    let token: string | null = null;
    await waitUntil("the mail with the link", async () => {
      const mails = await marketplace.mails();
      const mail = mails.find(
        ({ to, subject }) => to.includes(email) && subject === "Choose a new password",
      );
      token = mail === undefined ? null : new URL(mail.links[0] ?? "").searchParams.get("token");
      return token !== null;
    });
    const password = "another horse battery";
    const reset = (code?: string): Promise<RestResponse> =>
      anybody.post("/v1/auth/password/reset", { token, password, code });
    expect(codeOf(await reset())).toEqual([401, "SECOND_FACTOR_REQUIRED"]);
    expect(codeOf(await reset("000000"))).toEqual([401, "INVALID_CREDENTIALS"]);
    expect((await reset(app())).status).toBe(200);
    expect(codeOf(await logIn(email, password))).toEqual([401, "SECOND_FACTOR_REQUIRED"]);
  });

  test("may be asked of operators, who are visitors without one, and of hosts", async () => {
    const [oda, gus] = [await makeOperator(await join("Oda")), await join("Hugo")];
    const require = (client: Client, subject: string, isRequired: boolean): Promise<RestResponse> =>
      client.rest("PUT", `/v1/second-factor-rules/${subject}`, { isRequired });
    expect((await require(gus.client, "operators", true)).status).toBe(403);
    expect(codeOf(await require(olga.client, "operators", true))).toEqual([
      403,
      "SECOND_FACTOR_MISSING",
    ]);
    const safe = await guard(olga);
    expect((await require(safe.client, "operators", true)).status).toBe(204);
    try {
      await waitUntil("the other operator is out", async () => {
        return (await oda.client.get("/v1/me")).status === 401;
      });
      const visitor = await signedIn(oda.email);
      expect((await visitor.get("/v1/me")).body.isOperator).toBe(false);
      expect((await require(visitor, "hosts", true)).status).toBe(403);
      const factor = await visitor.get("/v1/me/second-factor");
      expect(factor.body).toMatchObject({ isEnabled: false, isRequired: true });
      const guarded = await guard({ ...oda, client: visitor });
      const operator = await signedIn(oda.email, PASSWORD, guarded.app());
      // Who must have one keeps it.
      expect(codeOf(await operator.delete("/v1/me/second-factor"))).toEqual([403, "FORBIDDEN"]);
      expect((await operator.get("/v1/me")).body.isOperator).toBe(true);
    } finally {
      expect((await require(safe.client, "operators", false)).status).toBe(204);
    }
    const acts = await entries(safe.client, `&actorId=${olga.userId}`);
    expect(acts.filter(({ operation }) => operation === "require_second_factor")).toHaveLength(2);
  });
});

describe("a proof of who one is", () => {
  /** What a thief with a token must not do, each as far as it goes without a proof. */
  const SENSITIVE: readonly [method: string, path: string, body?: Record<string, unknown>][] = [
    ["PUT", "/v1/me/password", { password: "another horse battery" }],
    ["PUT", "/v1/me/email", { email: `${randomUUID()}@example.com` }],
    ["POST", "/v1/me/second-factor"],
    ["POST", "/v1/me/second-factor/enable", { code: "123456" }],
    ["POST", "/v1/me/second-factor/recovery-codes"],
    ["DELETE", "/v1/me/second-factor"],
  ];

  test("is asked for five minutes after signing in, and a new one does", async () => {
    const { client, userId, email } = await join("Jan");
    await age(userId, 4);
    expect((await client.post("/v1/me/second-factor")).status).toBe(201);
    await age(userId, 1);
    for (const [method, path, body] of SENSITIVE) {
      const answer = codeOf(await client.rest(method, path, body));
      expect([path, answer]).toEqual([path, [403, "PROOF_REQUIRED"]]);
    }
    const prove = (password: string): Promise<RestResponse> =>
      client.post("/v1/me/proof", { password });
    expect(codeOf(await prove("wrong horse battery"))).toEqual([401, "INVALID_CREDENTIALS"]);
    expect((await client.post("/v1/me/proof", {})).status).toBe(400);
    expect((await prove(PASSWORD)).status).toBe(204);
    expect((await client.post("/v1/me/second-factor")).status).toBe(201);
    // It is good for this session alone.
    const other = await signedIn(email);
    await age(userId, 6);
    expect((await prove(PASSWORD)).status).toBe(204);
    expect(codeOf(await other.delete("/v1/me/second-factor"))).toEqual([403, "PROOF_REQUIRED"]);
    expect(await actions(client)).toContain("sign_in_failed");
  });

  test("needs the second factor of who has one", async () => {
    const { client, userId, app } = await guard(await join("Kai"));
    await age(userId, 6);
    const change = { currentPassword: PASSWORD, password: "another horse battery" };
    expect(codeOf(await client.rest("PUT", "/v1/me/password", change))).toEqual([
      401,
      "SECOND_FACTOR_REQUIRED",
    ]);
    expect(codeOf(await client.post("/v1/me/proof", { password: PASSWORD }))).toEqual([
      401,
      "SECOND_FACTOR_REQUIRED",
    ]);
    const proof = { password: PASSWORD, code: app() };
    expect((await client.post("/v1/me/proof", proof)).status).toBe(204);
    expect((await client.delete("/v1/me/second-factor")).status).toBe(204);
    expect(codeOf(await client.delete("/v1/me/second-factor"))).toEqual([
      403,
      "SECOND_FACTOR_MISSING",
    ]);
    expect(await actions(client)).toContain("factor_disabled");
  });
});

describe("a suspended person", () => {
  const suspend = (client: Client, userId: string, reason = "Fraud."): Promise<RestResponse> =>
    client.rest("PUT", `/v1/users/${userId}/suspension`, { reason });
  const reinstate = (client: Client, userId: string): Promise<RestResponse> =>
    client.delete(`/v1/users/${userId}/suspension`);

  test("is out at once, and comes in by no door until they are reinstated", async () => {
    const operator = await makeOperator(await join("Otto"));
    const { client, userId, email } = await join("Lou");
    const listing = await publishedListing(database, userId);
    const { refreshToken } = (await logIn(email, PASSWORD)).body;
    expect((await suspend(client, userId)).status).toBe(403);
    expect((await suspend(operator.client, operator.userId)).status).toBe(403);
    expect((await suspend(operator.client, randomUUID())).status).toBe(400);
    expect((await suspend(operator.client, userId)).status).toBe(204);
    expect((await suspend(operator.client, userId)).status).toBe(204);
    await waitUntil("the session has ended", async () => {
      return (await client.get("/v1/me")).status === 401;
    });
    const refused = [403, "ACCOUNT_SUSPENDED"];
    expect(codeOf(await logIn(email, PASSWORD))).toEqual(refused);
    expect(codeOf(await logIn(email, "wrong horse battery"))).toEqual([401, "INVALID_CREDENTIALS"]);
    expect((await anybody.post("/v1/auth/refresh", { refreshToken })).status).toBe(401);
    expect((await anybody.get(`/v1/listings/${listing}`)).status).toBe(404);
    expect((await operator.client.get("/v1/suspensions")).body.items).toEqual([
      expect.objectContaining({ userId, reason: "Fraud." }),
    ]);
    const gus = await join("Gina");
    const { errors } = await gus.client.send("{ suspensions { nodes { userId } } }");
    expect(errors[0]?.extensions?.code).toBe("FORBIDDEN");

    expect((await reinstate(operator.client, userId)).status).toBe(204);
    expect((await reinstate(operator.client, userId)).status).toBe(400);
    const again = await signedIn(email);
    const found = await entries(again);
    expect(found.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["suspended", "reinstated"]),
    );
    expect(JSON.stringify(found)).not.toContain("Fraud");
    const mails = await marketplace.mails();
    await waitUntil("the person is told", async () => {
      const subjects = (await marketplace.mails())
        .filter(({ to }) => to.includes(email))
        .map(({ subject }) => subject);
      return subjects.includes("Your account is suspended");
    });
    expect(JSON.stringify(mails)).not.toContain("Fraud");
  });

  test("who signs in at that moment is out as well", async () => {
    const { userId } = await join("Mia");
    const [operator, person] = [await database.owner.connect(), await database.pool.connect()];
    try {
      await operator.query("begin");
      await operator.query("select from app_public.user_contacts where user_id = $1 for update", [
        userId,
      ]);
      const pid = await processOf(person);
      const begun = person
        .query("select app_private.start_session($1, $2, '', '1 day')", [userId, randomBytes(32)])
        .then(
          () => "a session",
          (error: { code?: string }) => error.code,
        );
      await untilBlocked(database, pid);
      await operator.query(
        "insert into app_public.suspensions (user_id, reason) values ($1, 'x')",
        [userId],
      );
      await operator.query("commit");
      expect(await begun).toBe("SBI08");
    } finally {
      operator.release();
      person.release();
    }
  });

  test("nor does a password that has just been changed begin a session", async () => {
    const { userId } = await join("Max");
    const hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA";
    await expect(
      database.pool.query("select app_private.start_session($1, $2, '', '1 day', '', $3)", [
        userId,
        randomBytes(32),
        hash,
      ]),
    ).rejects.toMatchObject({ code: "SBI09" });
  });
});

describe("an operator who acts as somebody", () => {
  const impersonate = (client: Client, userId: string): Promise<RestResponse> =>
    client.post(`/v1/users/${userId}/impersonation`, { reason: "They cannot find their booking." });

  test("sees what they see, changes nothing, and is seen", async () => {
    const operator = await makeOperator(await join("Orla"));
    const { client, userId, email } = await join("Nell");
    expect(codeOf(await impersonate(client, operator.userId))).toEqual([403, "FORBIDDEN"]);
    expect((await impersonate(operator.client, olga.userId)).status).toBe(403);
    expect((await impersonate(operator.client, randomUUID())).status).toBe(400);
    await age(operator.userId, 6);
    expect(codeOf(await impersonate(operator.client, userId))).toEqual([403, "PROOF_REQUIRED"]);
    const fresh = await signedIn(operator.email);
    const begun = await impersonate(fresh, userId);
    expect(begun.status).toBe(201);
    expect(begun.body.refreshToken).toBeUndefined();
    const token = String(begun.body.accessToken);
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(claims).toMatchObject({ sub: userId, act: { sub: operator.userId }, role: "visitor" });
    const acting = anybody.withToken(token);
    expect((await acting.get("/v1/me")).body).toMatchObject({ id: userId, email });
    // From where the operator acts, the person has not been.
    await database.owner.query(
      "update app_private.sessions set network = '192.0.2.99' where impersonator_id = $1",
      [operator.userId],
    );
    const known = await database.pool.query<{ here: boolean; there: boolean }>(
      `select app_private.is_known_network($1, '127.0.0.1') as here,
         app_private.is_known_network($1, '192.0.2.99') as there`,
      [email],
    );
    expect(known.rows).toEqual([{ here: true, there: false }]);

    const readOnly = [403, "READ_ONLY"];
    const writes: readonly [method: string, path: string, body?: object][] = [
      ["PATCH", `/v1/users/${userId}`, { bio: "An operator was here." }],
      ["DELETE", "/v1/me/sessions"],
      ["PUT", "/v1/me/password", { currentPassword: PASSWORD, password: "another horse battery" }],
      ["POST", "/v1/me/second-factor"],
      ["POST", "/v1/setup-intents"],
    ];
    for (const [method, path, body] of writes) {
      const headers = { "idempotency-key": randomUUID() };
      const answer = codeOf(await acting.rest(method, path, body, headers));
      expect([path, answer]).toEqual([path, readOnly]);
    }
    const { errors } = await acting.send(
      `mutation { updateUser(input: { id: "${userId}", patch: { bio: "x" } }) { user { id } } }`,
    );
    expect(errors[0]?.extensions?.code).toBe("READ_ONLY");
    const seen = (await entries(client)).find(({ action }) => action === "impersonated");
    expect(seen).toMatchObject({
      actorId: operator.userId,
      reason: "They cannot find their booking.",
    });
    const sessions = (await client.get("/v1/me/sessions")).body.items as { device: string }[];
    expect(sessions.map(({ device }) => device)).toContain("An operator of the marketplace");
    expect(await actions(fresh, `&actorId=${operator.userId}`)).toContain("impersonated");

    // The operator may end it, and it alone.
    const shortly = anybody.withToken(String((await impersonate(fresh, userId)).body.accessToken));
    expect((await shortly.post("/v1/auth/logout")).status).toBe(204);
    await waitUntil("that has ended", async () => (await shortly.get("/v1/me")).status === 401);
    expect((await acting.get("/v1/me")).status).toBe(200);

    // Whoever loses the role loses this as well.
    await database.owner.query("delete from app_private.operators where user_id = $1", [
      operator.userId,
    ]);
    await database.owner.query("select app_hidden.end_sessions($1)", [operator.userId]);
    await waitUntil("acting has ended", async () => (await acting.get("/v1/me")).status === 401);
    expect((await client.get("/v1/me")).status).toBe(200);
  });
});
