/**
 * All share the connections of a server: whoever had one before, and however that request ended,
 * nobody is ever shown a row of theirs. A thousand requests of people in turns go through one
 * connection, by REST and by GraphQL. The controls are connections that remember who asked.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { startServer } from "../../src/server.ts";
import { isRecord } from "../../src/values.ts";
import { apiClient, type Client } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { drawFrom } from "../helpers/generate.ts";
import { waitUntil } from "../helpers/marketplace.ts";
import { openTestResources } from "../helpers/resources.ts";

const database = testDatabase();
let market: Market;
/** All bookings by their ids, with the two who may see them. */
let bookings: readonly { readonly id: string; readonly people: readonly string[] }[];

/** Who may end the statements of others. */
let root: pg.Client;

beforeAll(async () => {
  root = new pg.Client({ connectionString: database.config.database.rootUrl });
  await root.connect();
  market = await buildMarket(database);
  const { rows } = await database.owner.query<(typeof bookings)[number]>(
    "select id, array[guest_id, host_id]::text[] as people from app_public.bookings",
  );
  bookings = rows;
  // What takes too long: the price of a stay, for more guests than any listing has.
  const found = await database.owner.query<{ text: string }>(
    "select pg_get_functiondef('app_public.bookability'::regproc) as text",
  );
  const text = found.rows[0]?.text ?? "";
  const slow = text.replace(
    /^begin$/im,
    "begin if bookability.guests = 99 then perform pg_sleep(60); end if;",
  );
  expect(slow).not.toBe(text);
  await database.owner.query(slow);
});

afterAll(() => root.end());

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Actor {
  readonly name: string;
  readonly client: Client;
  readonly headers: Readonly<Record<string, string>>;
  readonly userId: string | undefined;
  /** The bookings they may see. */
  readonly sees: ReadonlySet<string>;
}

interface Stage {
  readonly url: string;
  readonly actors: readonly Actor[];
  readonly pool: pg.Pool;
}

function changeSent(client: pg.PoolClient, change: (text: string) => string): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const changed = (sent: unknown): unknown => {
    if (typeof sent === "string") return change(sent);
    const isText = isRecord(sent) && typeof sent.text === "string" && !("submit" in sent);
    return isText ? { ...sent, text: change(String(sent.text)) } : sent;
  };
  Object.assign(client, {
    query: (sent: unknown, ...rest: unknown[]) => query(changed(sent), ...rest),
  });
}

/** A server with one connection; `change` may change what is sent over it. */
async function open(change: (text: string) => string = (text) => text): Promise<Stage> {
  const { resources, dispose } = await openTestResources(database, {
    poolSize: 1,
    http: { hosts: ["127.0.0.1"], port: 0 },
  });
  cleanups.push(dispose);
  const changed = new WeakSet<pg.PoolClient>();
  resources.pool.on("acquire", (client) => {
    if (!changed.has(client)) changeSent(client, change);
    changed.add(client);
  });
  const server = await startServer(resources);
  cleanups.push(() => server.stop());
  const url = `http://127.0.0.1:${server.port}`;
  const stranger = apiClient(url);
  const actor = (name: string, userId: string, role: "visitor" | "operator"): Actor => {
    const { token } = resources.tokens.signAccessToken({ userId, sessionId: userId, role });
    const seen = bookings.filter(({ people }) => role === "operator" || people.includes(userId));
    const sees = new Set(seen.map(({ id }) => id));
    const headers = { authorization: `Bearer ${token}` };
    return { name, client: stranger.withToken(token), headers, userId, sees };
  };
  const { a, b, operator } = market;
  const nobody = { name: "nobody", client: stranger, headers: {}, userId: undefined };
  const actors: Actor[] = [
    actor("guest A", a.guest, "visitor"),
    actor("guest B", b.guest, "visitor"),
    actor("the operator", operator, "operator"),
    { ...nobody, sees: new Set() },
  ];
  return { url, actors, pool: resources.pool };
}

/** What an actor was shown that is not theirs, or not shown that is. */
type Request = (actor: Actor, stage: Stage) => Promise<string[]>;

const idsIn = (found: unknown): string[] =>
  (Array.isArray(found) ? found : []).map((row: { id: string }) => row.id);

function faultsOf(actor: Actor, what: string, ids: readonly string[]): string[] {
  const foreign = ids.filter((id) => !actor.sees.has(id)).length;
  const missing = [...actor.sees].filter((id) => !ids.includes(id)).length;
  return foreign + missing === 0
    ? []
    : [`${actor.name}, ${what}: ${foreign} foreign, ${missing} missing`];
}

const READ = "{ me { id } bookings(first: 100) { nodes { id } } }";

const byGraphql: Request = async (actor) => {
  const data = await actor.client.query<{
    me: { id: string } | null;
    bookings: { nodes: unknown };
  }>(READ);
  const isMe = data.me?.id === actor.userId;
  const faults = faultsOf(actor, "GraphQL", idsIn(data.bookings.nodes));
  return isMe ? faults : [...faults, `${actor.name} is somebody else`];
};

const byRest: Request = async (actor) => {
  const { status, body } = await actor.client.get("/v1/bookings?limit=100");
  if (actor.userId === undefined) return status === 401 ? [] : [`nobody got ${status}`];
  return faultsOf(actor, "REST", idsIn(body.items));
};

/** In a transaction of REST's own. */
const asMe: Request = async (actor) => {
  const { status, body } = await actor.client.get("/v1/me");
  if (actor.userId === undefined) return status === 401 ? [] : [`nobody got ${status}`];
  return body.id === actor.userId ? [] : [`${actor.name} is somebody else at /v1/me`];
};

/** A statement that fails in the database. */
const inVain: Request = async (actor) => {
  const { status, errors } = await actor.client.send(
    "mutation ($id: UUID!) { publishListing(input: { listingId: $id }) { listing { id } } }",
    { id: market.a.draft },
  );
  return errors.length === 1 ? [] : [`${actor.name} published: ${status}`];
};

const asks = (guests: number): string => `{ bookability(
  listingId: "${market.a.booked}", checkIn: "2040-01-01", checkOut: "2040-01-03", guests: ${guests}
) { code } }`;

/** A statement that the database ends while it runs, with the code that late ones end with. */
const tooSlow: Request = async (actor) => {
  const asked = actor.client.send(asks(99));
  await waitUntil("the statement that takes too long is ended", async () => {
    const { rowCount } = await root.query(
      `select pg_cancel_backend(pid) from pg_stat_activity
       where datname = $1 and wait_event = 'PgSleep'`,
      [database.name],
    );
    return rowCount === 1;
  });
  const code = (await asked).errors[0]?.extensions?.code;
  return code === "TIMEOUT" ? [] : [`${actor.name} was told ${code}`];
};

/** Who hangs up before there is an answer, or while the database works on it. */
const aborted: Request = async ({ headers }, { url }) => {
  const gone = new AbortController();
  const answer = fetch(`${url}/graphql`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ query: READ }),
    signal: gone.signal,
  });
  setTimeout(() => gone.abort(), draw.integer(0, 12));
  await answer.then((response) => response.text()).catch(() => undefined);
  return [];
};

/** What the server itself sees where it acts for nobody. */
const asServer: Request = async (_actor, { pool }) => {
  const { rows } = await pool.query<{ role: string; id: string }>(
    `select current_setting('role') as role,
       coalesce(current_setting('staybase.user_id', true), '') as id`,
  );
  const [who] = rows;
  return who?.role === "none" && who.id === "" ? [] : [`the server is ${who?.role} ${who?.id}`];
};

const draw = drawFrom(1);
const KINDS = [byGraphql, byGraphql, byRest, asMe, inVain, aborted, asServer];
const AT_ONCE = 8;

/** Sends `count` requests of people in turns, some at once, and says what was wrong. */
async function mingle(stage: Stage, count: number): Promise<string[]> {
  const faults: string[] = [];
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const requests = Array.from({ length: AT_ONCE }, (_, index) => {
      const isSlow = index === 0 && sent % 200 === 0;
      return (isSlow ? tooSlow : draw.one(KINDS))(draw.one(stage.actors), stage);
    });
    faults.push(...(await Promise.all(requests)).flat());
  }
  return faults;
}

describe("a thousand requests of people in turns over one connection", () => {
  test("show nobody a row of somebody else, also after errors, time-outs and hang-ups", async () => {
    expect(await mingle(await open(), 1000)).toEqual([]);
  });
});

const SETTING = /set_config\('([\w.]+)', (\$\d+), true\)/g;

describe("it would be found out that a connection", () => {
  test("keeps who asked when the transaction is over", async () => {
    const stage = await open((text) => text.replaceAll(SETTING, "set_config('$1', $2, false)"));
    const faults = await mingle(stage, 80);
    expect(faults).toContainEqual(expect.stringContaining("the server is staybase_"));
  });

  test("takes everybody for the first who asked", async () => {
    const stage = await open((text) =>
      text.replaceAll(
        SETTING,
        `coalesce(nullif(nullif(current_setting('$1', true), ''), 'none'),
           set_config('$1', $2, false))`,
      ),
    );
    const faults = await mingle(stage, 80);
    expect(faults).toContainEqual(expect.stringMatching(/GraphQL: [1-9]\d* foreign/));
    expect(faults).toContainEqual(expect.stringMatching(/somebody else/));
  });
});
