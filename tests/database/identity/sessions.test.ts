/** Sessions as families of refresh tokens: rotation, the grace of two tabs, and the end of a copied token. */
import { createHash, randomBytes } from "node:crypto";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  NOON,
  one,
  processOf,
  type Row,
  refusal,
  somebody,
  stopClock,
  text,
  untilBlocked,
  withRival,
} from "../../helpers/factories.ts";

const database = testDatabase();

beforeEach(() => stopClock(database, NOON));

const ROTATE = `select status, session_id, user_id, is_operator
  from app_private.rotate_refresh_token($1, $2)`;

const token = (): Buffer => createHash("sha256").update(randomBytes(16)).digest();

interface Session {
  readonly userId: string;
  readonly id: string;
  readonly first: Buffer;
}

async function signIn(): Promise<Session> {
  const userId = await somebody(database);
  const first = token();
  const started = await asServer(
    database,
    "select * from app_private.start_session($1, $2, 'a browser', '30 days')",
    [userId, first],
  );
  return { userId, id: text(started, "session_id"), first };
}

async function rotate(from: Buffer, to: Buffer = token()): Promise<Row> {
  return one(await asServer(database, ROTATE, [from, to]));
}

describe("a refresh token", () => {
  test("is exchanged for the next", async () => {
    const session = await signIn();
    const [second, third] = [token(), token()];
    expect(await rotate(session.first, second)).toEqual({
      status: "rotated",
      session_id: session.id,
      user_id: session.userId,
      is_operator: false,
    });
    await stopClock(database, "2031-06-02T12:00:00Z");
    expect(await rotate(second, third)).toMatchObject({ status: "rotated" });
  });

  test("works for both of two tabs that use it at once", async () => {
    const session = await signIn();
    await withRival(database, async (first, second) => {
      const next = token();
      const ours = await first.query(ROTATE, [session.first, next]);
      const pid = await processOf(second);
      const theirs = second.query(ROTATE, [session.first, next]);
      await untilBlocked(database, pid);
      await first.query("commit");
      expect(ours.rows).toMatchObject([{ status: "rotated" }]);
      expect((await theirs).rows).toMatchObject([{ status: "rotated" }]);
      await second.query("commit");
    });
    const found = await asOwner(
      database,
      "select ended_at from app_private.sessions where id = $1",
      [session.id],
    );
    expect(found).toEqual([{ ended_at: null }]);
  });

  test("that comes back within the grace has one successor; later it ends the session", async () => {
    const session = await signIn();
    const second = token();
    await rotate(session.first, second);
    await stopClock(database, "2031-06-02T11:00:09Z");
    expect(await rotate(session.first, second)).toMatchObject({ status: "rotated" });
    expect(await rotate(session.first)).toMatchObject({ status: "invalid", user_id: null });
    await stopClock(database, "2031-06-02T11:00:10Z");
    expect(await rotate(session.first)).toEqual({
      status: "reused",
      session_id: session.id,
      user_id: null,
      is_operator: null,
    });
    // Whoever has copied a token has nothing any more, and neither has the person: both log in anew.
    expect(await rotate(second)).toMatchObject({ status: "invalid", user_id: null });
  });

  test("that nobody has issued is invalid, and so is none", async () => {
    expect(await rotate(token())).toMatchObject({ status: "invalid", session_id: null });
    expect(one(await asServer(database, ROTATE, [null, token()]))).toMatchObject({
      status: "invalid",
    });
  });

  test("stops working when the session is ended or over", async () => {
    const ended = await signIn();
    await asServer(database, "select app_private.end_session($1)", [ended.id]);
    expect(await rotate(ended.first)).toMatchObject({ status: "invalid" });

    const over = await signIn();
    await stopClock(database, "2031-07-02T11:00:00Z");
    expect(await rotate(over.first)).toMatchObject({ status: "invalid" });
  });

  test("is kept as a hash of 32 bytes and nothing else", async () => {
    const { userId } = await signIn();
    const attempt = asServer(
      database,
      "select app_private.start_session($1, 'plain', '', '1 day')",
      [userId],
    );
    expect(await refusal(attempt)).toBe("23514");
  });
});

test("an operator's session says so", async () => {
  const session = await signIn();
  await asOwner(database, "insert into app_private.operators (user_id) values ($1)", [
    session.userId,
  ]);
  expect(await rotate(session.first)).toMatchObject({ is_operator: true });
});

test("a session is forgotten a week after its end, with its tokens", async () => {
  const session = await signIn();
  const left = () =>
    asOwner(
      database,
      `select from app_private.sessions s join app_private.refresh_tokens t on t.session_id = s.id
       where s.id = $1`,
      [session.id],
    );
  await stopClock(database, "2031-07-09T11:00:00Z");
  await asServer(database, "select app_private.purge_expired_identity()");
  expect(await left()).toHaveLength(1);
  await stopClock(database, "2031-07-09T11:00:01Z");
  await asServer(database, "select app_private.purge_expired_identity()");
  expect(await left()).toHaveLength(0);
});
