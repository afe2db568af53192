/**
 * Claims about mutations that lose against another transaction: they run again as a whole, as often
 * as REST's transactions do, and nothing else runs twice.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { codesOf, type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;

/** Tries are counted by a sequence, since a rollback does not take its numbers back. */
const STUMBLE = `
  create schema stumbling;
  create sequence stumbling.tries;
  create table stumbling.kept (word text not null);
  create table stumbling.plan (times integer not null, code text not null);

  create function stumbling.stumble(word text, times integer, code text) returns void
  language plpgsql security definer as $$
  begin
    insert into stumbling.kept values (word);
    if nextval('stumbling.tries') <= times then
      raise exception 'stumbled' using errcode = code;
    end if;
  end $$;

  create function app_public.stumble(word text, times integer, code text) returns text
  language plpgsql volatile security definer as $$
  begin
    perform stumbling.stumble(word, times, code);
    return word;
  end $$;
  grant execute on function app_public.stumble to visitor;

  create function stumbling.tg_stumble() returns trigger
  language plpgsql security definer as $$
  begin
    perform stumbling.stumble(NEW.display_name, plan.times, plan.code) from stumbling.plan;
    return NEW;
  end $$;
`;

beforeAll(async () => {
  market = await buildMarket(database);
  const { visitor } = database.config.database;
  await database.owner.query(STUMBLE.replace("to visitor", `to ${visitor}`));
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

beforeEach(() =>
  database.owner.query(
    `truncate stumbling.kept, stumbling.plan;
     alter sequence stumbling.tries restart;
     drop trigger if exists _900_stumble on app_public.users`,
  ),
);

const CALL = `mutation ($times: Int!, $code: String!) {
  stumble(input: { word: "kept", times: $times, code: $code }) { result }
}`;

async function tries(): Promise<number> {
  const { rows } = await database.owner.query<{ tries: string }>(
    "select case when is_called then last_value else 0 end as tries from stumbling.tries",
  );
  return Number(rows[0]?.tries);
}

async function kept(): Promise<string[]> {
  const { rows } = await database.owner.query<{ word: string }>("select word from stumbling.kept");
  return rows.map(({ word }) => word);
}

test.each(["40001", "40P01", "55P03"])(
  "a mutation that meets %s runs again, three times at most, and leaves one result",
  async (code) => {
    const guest = server.signedIn(market.a.guest);
    for (const times of [0, 1, 3]) {
      await database.owner.query("alter sequence stumbling.tries restart");
      await database.owner.query("truncate stumbling.kept");
      expect(await guest.query(CALL, { times, code })).toEqual({ stumble: { result: "kept" } });
      expect({ tries: await tries(), kept: await kept() }).toEqual({
        tries: times + 1,
        kept: ["kept"],
      });
    }
  },
);

test("a mutation that stumbles for ever is UNAVAILABLE after four tries, and left nothing", async () => {
  const answer = await server.signedIn(market.a.guest).send(CALL, { times: 99, code: "40P01" });
  expect(answer.errors).toMatchObject([{ extensions: { code: "UNAVAILABLE", status: 503 } }]);
  expect({ tries: await tries(), kept: await kept() }).toEqual({ tries: 4, kept: [] });
});

test.each([
  ["23505", "CONFLICT"],
  ["SBC01", "DATES_UNAVAILABLE"],
  ["57014", "TIMEOUT"],
  ["XX000", "INTERNAL"],
])("an error of another code (%s) is answered at once", async (code, told) => {
  const answer = await server.signedIn(market.a.guest).send(CALL, { times: 1, code });
  expect(codesOf(answer)).toEqual([told]);
  expect({ tries: await tries(), kept: await kept() }).toEqual({ tries: 1, kept: [] });
});

test.each([
  ["within the statement", "create trigger _900_stumble before update on app_public.users"],
  [
    "at its commit",
    `create constraint trigger _900_stumble after update on app_public.users
     deferrable initially deferred`,
  ],
])("a generated mutation that loses %s runs again as a whole", async (_when, trigger) => {
  await database.owner.query("insert into stumbling.plan values (2, '40P01')");
  await database.owner.query(`${trigger} for each row execute function stumbling.tg_stumble()`);
  const rename = `mutation ($id: UUID!) {
    updateUser(input: { id: $id, patch: { displayName: "Renamed" } }) { user { displayName } }
  }`;
  const { guest } = market.a;
  expect(await server.signedIn(guest).query(rename, { id: guest })).toEqual({
    updateUser: { user: { displayName: "Renamed" } },
  });
  expect({ tries: await tries(), kept: await kept() }).toEqual({ tries: 3, kept: ["Renamed"] });
});

test("each mutation of a document is a transaction of its own: one that fails undoes no other", async () => {
  const answer = await server.signedIn(market.a.guest).send<Record<string, unknown>>(`mutation {
    first: stumble(input: { word: "first", times: 1, code: "40P01" }) { result }
    second: stumble(input: { word: "second", times: 99, code: "40001" }) { result }
    third: stumble(input: { word: "third", times: 7, code: "55P03" }) { result }
  }`);
  expect(answer.data).toEqual({
    first: { result: "first" },
    second: null,
    third: { result: "third" },
  });
  expect(codesOf(answer)).toEqual(["UNAVAILABLE"]);
  // Two of the first, four of the second, and of the third the seventh, which stumbles, and one more.
  expect({ tries: await tries(), kept: await kept() }).toEqual({
    tries: 8,
    kept: ["first", "third"],
  });
});
