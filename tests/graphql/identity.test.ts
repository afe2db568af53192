/**
 * Claims about whose request GraphQL takes a request for: a token is right, or the answer is 401.
 * Which tokens are not right, tests/rest/accessTokens.test.ts lists for both faces.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

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

describe("a request", () => {
  test("without a token is a stranger's, with one its owner's", async () => {
    expect(await whoAmI()).toMatchObject({ status: 200, data: { me: null } });
    const token = server.tokenOf(market.a.guest);
    expect(await whoAmI(`Bearer ${token}`)).toMatchObject({
      status: 200,
      data: { me: { id: market.a.guest } },
    });
  });

  test("with a header that is no token of ours is refused, and asked for a right one", async () => {
    for (const header of ["Bearer garbled", "Bearer a.b.c", "Basic YTpi", "Bearer", "x"]) {
      expect({ header, ...(await whoAmI(header)) }).toEqual({
        header,
        status: 401,
        challenge: 'Bearer error="invalid_token"',
        code: "TOKEN_INVALID",
        data: undefined,
      });
    }
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
