/**
 * Coded operations in GraphQL: all that somebody does with an account, the refusals of REST by the same
 * codes, and no cookies.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Secret, TOTP } from "otpauth";
import { readCodedOperations } from "../../src/http/coded.ts";
import { readOperations } from "../../src/http/openapi.ts";
import { operations } from "../../src/rest/index.ts";
import { cases } from "../helpers/cases.ts";
import {
  apiClient,
  type Client,
  type GraphqlAnswer,
  type RestResponse,
} from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";

const database = testDatabase();
let marketplace: Marketplace;
let anybody: Client;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  anybody = apiClient(marketplace.servers[0] ?? "");
});

afterAll(async () => marketplace?.dispose(), 30_000);

const join = (name: string): Promise<Person> =>
  signUp(marketplace, marketplace.servers[0] ?? "", name);

/** Sends one mutation of that name, and asks for these fields of what it answers. */
function mutate(
  client: Client,
  field: string,
  input: object = {},
  answer = "clientMutationId",
): Promise<GraphqlAnswer<Record<string, Record<string, unknown> | null>>> {
  const type = `${field.charAt(0).toUpperCase()}${field.slice(1)}Input`;
  return client.send(`mutation ($input: ${type}!) { ${field}(input: $input) { ${answer} } }`, {
    input,
  });
}

/** The same, which must succeed: what it answers. */
async function done(...asked: Parameters<typeof mutate>): Promise<Record<string, unknown>> {
  const { data, errors } = await mutate(...asked);
  expect(errors).toEqual([]);
  return data?.[asked[1]] ?? {};
}

/** The same, which must be refused: the code. */
async function refused(...asked: Parameters<typeof mutate>): Promise<unknown> {
  const { data, errors } = await mutate(...asked);
  expect(data?.[asked[1]] ?? null).toBeNull();
  return errors[0]?.extensions?.code;
}

async function mailedToken(email: string, subject: string): Promise<string> {
  let link: string | undefined;
  await waitUntil(`a mail to ${email}: ${subject}`, async () => {
    const mails = await marketplace.mails();
    link = mails.find((mail) => mail.to.includes(email) && mail.subject === subject)?.links[0];
    return link !== undefined;
  });
  return new URL(link ?? "").searchParams.get("token") ?? "";
}

const TOKENS = "accessToken accessTokenExpiresAt refreshToken userId";
const NEW = "another horse battery";
const asWhom = async (client: Client): Promise<string | undefined> =>
  (await client.query<{ me: { id: string } | null }>("{ me { id } }")).me?.id;

test("an account begins, is changed, and ends without REST", async () => {
  const email = "graph@example.com";
  const asked = { email, password: PASSWORD, displayName: "Graph" };
  const { registrationKey, message } = await done(
    anybody,
    "register",
    asked,
    "registrationKey message",
  );
  expect(message).toContain("mail");
  const token = await mailedToken(email, "Confirm your e-mail address");
  const first = await done(anybody, "confirmRegistration", { token, registrationKey }, TOKENS);
  const me = anybody.withToken(String(first.accessToken));
  expect(await asWhom(me)).toBe(first.userId);
  expect(Date.parse(String(first.accessTokenExpiresAt))).toBeGreaterThan(Date.now());

  const { refreshToken } = first;
  const next = await done(anybody, "refreshSession", { refreshToken }, TOKENS);
  expect(next.userId).toBe(first.userId);
  await done(me, "changePassword", { currentPassword: PASSWORD, password: NEW });
  expect(await refused(anybody, "logIn", { email, password: PASSWORD })).toBe(
    "INVALID_CREDENTIALS",
  );

  await done(anybody, "forgotPassword", { email }, "message");
  const link = await mailedToken(email, "Choose a new password");
  const reset = await done(anybody, "resetPassword", { token: link, password: PASSWORD }, TOKENS);
  const again = anybody.withToken(String(reset.accessToken));
  await done(again, "changeEmail", { email: "graph.two@example.com" }, "message");
  const proof = await mailedToken("graph.two@example.com", "Confirm your new e-mail address");
  await done(anybody, "confirmEmailChange", { token: proof });
  const { me: contact } = await again.query<{ me: object }>("{ me { contact { email } } }");
  expect(contact).toEqual({ contact: { email: "graph.two@example.com" } });

  await done(again, "requestExport", {}, "message");
  const ways = "{ identities { id provider issuer createdAt } oidcProviders { name title } }";
  expect(await again.query(ways)).toEqual({ identities: [], oidcProviders: [] });
  const [identityId] = ["00000000-0000-4000-8000-000000000000"];
  expect(await refused(again, "removeIdentity", { identityId })).toBe("NOT_FOUND");
  await done(again, "closeAccount");
  expect(await refused(anybody, "logIn", { ...asked, displayName: undefined })).toBe(
    "INVALID_CREDENTIALS",
  );
});

test("a second factor is begun, enabled, asked for and removed", async () => {
  const { client, email } = await join("Fay");
  const { secret } = await done(client, "beginSecondFactor", {}, "secret uri");
  const totp = new TOTP({ secret: Secret.fromBase32(String(secret)) });
  const app = (steps: number): string => totp.generate({ timestamp: Date.now() + steps * 30_000 });
  const { recoveryCodes } = await done(
    client,
    "enableSecondFactor",
    { code: app(-1) },
    "recoveryCodes",
  );
  expect(recoveryCodes).toHaveLength(10);
  const credentials = { email, password: PASSWORD };
  expect(await refused(anybody, "logIn", credentials)).toBe("SECOND_FACTOR_REQUIRED");
  await done(client, "proveMyself", { password: PASSWORD, code: app(0) });
  const renewed = await done(client, "replaceRecoveryCodes", {}, "recoveryCodes");
  const [old] = recoveryCodes as string[];
  const [code] = renewed.recoveryCodes as string[];
  expect(await refused(anybody, "logIn", { ...credentials, code: old })).toBe(
    "INVALID_CREDENTIALS",
  );
  await done(anybody, "logIn", { ...credentials, code }, TOKENS);
  await done(client, "disableSecondFactor");
  const { accessToken } = await done(anybody, "logIn", credentials, TOKENS);
  const other = anybody.withToken(String(accessToken));
  await done(other, "logOut");
  await waitUntil("the session has ended", async () => (await other.get("/v1/me")).status === 401);
});

test("an operator acts as somebody, who changes nothing by it", async () => {
  const [olga, ben] = [await join("Olga"), await join("Ben")];
  const asOlga = { userId: ben.userId, reason: "They asked for help." };
  expect(await refused(olga.client, "impersonateUser", asOlga, TOKEN)).toBe("FORBIDDEN");
  await database.owner.query("insert into app_private.operators (user_id) values ($1)", [
    olga.userId,
  ]);
  const { email } = olga;
  const entered = await done(anybody, "logIn", { email, password: PASSWORD }, TOKENS);
  const operator = anybody.withToken(String(entered.accessToken));
  const { accessToken, userId } = await done(operator, "impersonateUser", asOlga, TOKEN);
  expect(userId).toBe(ben.userId);
  const acting = anybody.withToken(String(accessToken));
  expect(await asWhom(acting)).toBe(ben.userId);
  for (const field of ["closeAccount", "disableSecondFactor", "beginSecondFactor"]) {
    expect([field, await refused(acting, field)]).toEqual([field, "READ_ONLY"]);
  }
  expect(await refused(acting, "changePassword", { password: NEW })).toBe("READ_ONLY");
  expect((await ben.client.get("/v1/me")).status).toBe(200);
});

const TOKEN = "accessToken accessTokenExpiresAt userId";

describe("what REST refuses", () => {
  const NOBODY = "00000000-0000-4000-8000-000000000000";
  /** A text that some rule of some operation may refuse. */
  const odd = fc.oneof(
    fc.constantFrom("", " ", "a", "1234567890", "ada@example.com", "a@b", "A <a@example.com>"),
    fc.string({ maxLength: 40 }),
    fc.string({ minLength: 190, maxLength: 300, unit: "grapheme" }),
  );

  test("is refused alike: codes, fields and words", async () => {
    const coded = (await readCodedOperations(await readOperations())).filter(
      ({ input, kind }) => kind === "mutation" && Object.keys(Object(input.properties)).length > 0,
    );
    const documented = new Map((await readOperations()).map((each) => [each.operationId, each]));
    const { client } = await join("Rex");
    const codes = new Set<unknown>();
    const asked = fc.constantFrom(...coded).chain((operation) => {
      const names = Object.keys(Object(operation.input.properties)).filter(
        (name) => name !== "userId" && name !== "identityId",
      );
      const input = fc.record(Object.fromEntries(names.map((name) => [name, odd])));
      return fc.record({ operation: fc.constant(operation), input });
    });
    await fc.assert(
      fc.asyncProperty(asked, async ({ operation: { id, field }, input }) => {
        const { method = "", path = "" } = documented.get(id) ?? {};
        const inPath = path.replaceAll(/\{\w+\}/g, NOBODY);
        const body = Object.keys(input).length === 0 ? undefined : input;
        const rest: RestResponse = await client.rest(method.toUpperCase(), `/v1${inPath}`, body);
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, NOBODY]);
        const { errors, data } = await mutate(client, field, {
          ...Object.fromEntries(named),
          ...input,
        });
        if (rest.status < 300) {
          expect(errors).toEqual([]);
          return;
        }
        expect(data?.[field] ?? null).toBeNull();
        const [{ message, extensions } = { message: "" }] = errors;
        const { code, status, fields = [] } = extensions ?? {};
        const said = { code, status, fields, message };
        const { body: problem } = rest;
        codes.add(problem.code);
        // How many seconds to wait, and who comes first, is the only difference.
        if (problem.code === "RATE_LIMITED" || code === "RATE_LIMITED") return;
        expect(said).toEqual({
          code: problem.code,
          status: rest.status,
          fields: problem.fields ?? [],
          message: problem.detail,
        });
      }),
      { numRuns: cases(150, 60) },
    );
    expect(codes).toContain("INVALID_INPUT");
    expect(codes.size).toBeGreaterThan(2);
  });

  test.each([
    ["changePassword", { password: NEW }],
    ["closeAccount", {}],
    ["beginSecondFactor", {}],
    ["impersonateUser", { userId: "00000000-0000-4000-8000-000000000000", reason: "None." }],
  ])("%s is nobody's without a token", async (field, input) => {
    expect(await refused(anybody, field, input)).toBe("UNAUTHENTICATED");
  });

  test("guesses are counted together with those of REST, and the wait is said", async () => {
    const { email } = await join("Gil");
    const guess = { email, password: "not the password" };
    const codes: unknown[] = [];
    for (let round = 0; round < 6; round += 1) {
      codes.push(await refused(anybody, "logIn", guess));
      codes.push((await anybody.post("/v1/auth/login", guess)).body.code);
    }
    expect(codes.slice(0, 10)).toEqual(Array(10).fill("INVALID_CREDENTIALS"));
    expect(codes.slice(10)).toEqual(["RATE_LIMITED", "RATE_LIMITED"]);
    const { errors } = await mutate(anybody, "logIn", guess);
    expect(errors[0]?.extensions).toMatchObject({
      details: { retryAfterSeconds: expect.any(Number) },
    });
  });
});

test("neither takes nor gives a cookie", async () => {
  const { email } = await join("Cora");
  const page = { "content-type": "application/json", origin: marketplace.servers[0] ?? "" };
  const login = await fetch(`${marketplace.servers[0]}/v1/auth/login`, {
    method: "POST",
    headers: page,
    body: JSON.stringify({ email, password: PASSWORD, refreshIn: "cookie" }),
  });
  const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
  expect(cookie).toMatch(/^\S+=\S{20,}/);
  const query = "mutation { refreshSession(input: {}) { refreshToken } }";
  const answer = await fetch(`${marketplace.servers[0]}/graphql`, {
    method: "POST",
    headers: { ...page, cookie },
    body: JSON.stringify({ query }),
  });
  expect(answer.headers.get("set-cookie")).toBeNull();
  expect(await answer.json()).toMatchObject({
    errors: [{ extensions: { code: "REFRESH_TOKEN_INVALID" } }],
  });
});

/** What has no field, and why. */
const REST_ALONE: Readonly<Record<string, string>> = {
  beginOidcSignIn: "the browser goes there",
  endOidcSignIn: "the browser comes from there",
  getMe: "is Query.me",
};

test("everything about accounts is on both faces", async () => {
  const missing = (await readOperations()).flatMap(({ operationId, operation }) => {
    const isAbout = operation.tags?.includes("Identity") && operationId in operations;
    const isThere = operation["x-graphql-field"] !== undefined;
    return isAbout && !isThere ? [operationId] : [];
  });
  expect(missing.sort()).toEqual(Object.keys(REST_ALONE).sort());
});
