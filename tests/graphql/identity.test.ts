/** Claims about whose request GraphQL takes a request for: a token is right, or the answer is 401. */
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import jwt from "jsonwebtoken";
import { DEVELOPMENT_JWT_SECRET } from "../../src/config/index.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { type GraphqlServer, openGraphqlServer, SESSION } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;

beforeAll(async () => {
  market = await buildMarket(database);
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

interface Answer {
  readonly status: number;
  readonly challenge: string | null;
  readonly code: string | undefined;
  readonly data: unknown;
}

async function whoAmI(authorization?: string): Promise<Answer> {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: JSON.stringify({ query: "{ me { id } }" }),
  });
  const body = (await response.json()) as {
    data?: unknown;
    errors?: { extensions: { code: string } }[];
  };
  return {
    status: response.status,
    challenge: response.headers.get("www-authenticate"),
    code: body.errors?.[0]?.extensions.code,
    data: body.data,
  };
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a request", () => {
  test("without a token is a stranger's, with one its owner's", async () => {
    expect(await whoAmI()).toMatchObject({ status: 200, data: { me: null } });
    const token = server.tokenOf(market.a.guest);
    expect(await whoAmI(`Bearer ${token}`)).toMatchObject({
      status: 200,
      data: { me: { id: market.a.guest } },
    });
  });

  test("with a token that is not ours is refused, and asked for a right one", async () => {
    const claims = { sid: SESSION, role: "operator", sub: market.operator };
    const rest = { iss: "staybase", aud: "staybase-api", exp: Math.floor(Date.now() / 1000) + 60 };
    const none = `${base64({ alg: "none", typ: "JWT" })}.${base64({ ...claims, ...rest })}`;
    const signature = createHmac("sha256", DEVELOPMENT_JWT_SECRET).update(none).digest("base64url");
    const foreign = jwt.sign({ ...claims, ...rest }, "another secret that is long enough, too");
    const tokens = ["garbled", "a.b.c", `${none}.`, `${none}.${signature}`, foreign];
    const headers = [...tokens.map((token) => `Bearer ${token}`), "Basic YTpi", "Bearer", "x"];
    for (const header of headers) {
      expect({ header, ...(await whoAmI(header)) }).toEqual({
        header,
        status: 401,
        challenge: 'Bearer error="invalid_token"',
        code: "TOKEN_INVALID",
        data: undefined,
      });
    }
  });

  test("with a token past its end is told so", async () => {
    const { userId, sessionId } = { userId: market.a.guest, sessionId: SESSION };
    const exp = Math.floor(Date.now() / 1000) - 1;
    const token = jwt.sign({ sid: sessionId, role: "visitor", exp }, DEVELOPMENT_JWT_SECRET, {
      issuer: "staybase",
      audience: "staybase-api",
      subject: userId,
    });
    const answer = await whoAmI(`Bearer ${token}`);
    expect(answer).toMatchObject({ status: 401, code: "TOKEN_EXPIRED", data: undefined });
  });

  test("with a token of a session that was ended is refused at once", async () => {
    const sessionId = "00000000-0000-4000-8000-0000000000ed";
    const claims = { userId: market.a.guest, sessionId, role: "visitor" } as const;
    const { token } = server.resources.tokens.signAccessToken(claims);
    expect(await whoAmI(`Bearer ${token}`)).toMatchObject({ status: 200 });
    await server.resources.revocations.revoke(sessionId);
    expect(await whoAmI(`Bearer ${token}`)).toMatchObject({ status: 401, code: "TOKEN_INVALID" });
  });
});
