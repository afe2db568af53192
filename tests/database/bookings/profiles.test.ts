/** What a profile says of somebody beside what they wrote: counted, and no more than counts. */
import { beforeEach, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  follow,
  hold,
  NOON,
  one,
  type Payment,
  paidBooking,
  publishedListing,
  type Row,
  refusal,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;
let stranger: string;
let keys = 0;

beforeEach(async () => {
  await stopClock(database, NOON);
  await asOwner(database, "update app_private.quotas set most = 10000");
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  stranger = await somebody(database, "Stine");
});

const profile = async (userId: string, as = stranger): Promise<Row> =>
  one(
    await asVisitor(
      database,
      as,
      `select app_public.users_stays_hosted(u) as hosted, app_public.users_stays_as_guest(u) as stayed,
         app_public.users_response_rate(u) as rate
       from app_public.users u where u.id = $1`,
      [userId],
    ),
  );

const complete = async (): Promise<void> => {
  await stopClock(database, "2031-06-20T11:00Z");
  await asServer(database, "select app_private.complete_stays()");
};

test("stays count once they are over, for both sides, and show nobody the bookings", async () => {
  const listing = await publishedListing(database, host, { units: 3 });
  await paidBooking(database, guest, listing);
  await paidBooking(database, stranger, listing);
  const missed = await paidBooking(database, guest, listing);
  const sold = { hosted: 0, stayed: 0, rate: null };
  expect([await profile(host), await profile(guest)]).toEqual([sold, sold]);
  await stopClock(database, "2031-06-12T11:00Z");
  await asVisitor(database, host, "select app_public.mark_no_show($1)", [missed]);
  await complete();
  expect(await profile(host)).toEqual({ hosted: 2, stayed: 0, rate: null });
  expect(await profile(guest)).toEqual({ hosted: 0, stayed: 1, rate: null });
  const ofHost = "select id from app_public.bookings where host_id = $1 and guest_id = $2";
  expect(await asVisitor(database, stranger, ofHost, [host, guest])).toEqual([]);
  expect(await asOwner(database, ofHost, [host, guest])).toHaveLength(2);
});

/** A request that waits for its host. */
async function request(listing: string): Promise<Payment> {
  const payment = await begunPayment(database, guest, await hold(database, guest, listing));
  await follow(database, payment, "requires_capture");
  return payment;
}

const answer = async (what: "accept" | "decline", { bookingId }: Payment): Promise<unknown> =>
  asVisitor(database, host, `select app_public.${what}_booking($1, $2)`, [
    bookingId,
    `answer-key-${++keys}`,
  ]);

test("the response rate counts what was the host's to answer, from five on, for a year", async () => {
  const options = { bookingMode: "request", units: 9 } as const;
  const listing = await publishedListing(database, host, options);
  const [withdrawn, released, late] = [
    await request(listing),
    await request(listing),
    await request(listing),
  ];
  await request(listing);
  await answer("accept", await request(listing));
  for (let each = 0; each < 3; each += 1) await answer("decline", await request(listing));
  expect(await profile(host)).toMatchObject({ rate: null });
  const key = `withdraw-key-${++keys}`;
  const withdraw = "select app_public.cancel_booking($1, $2)";
  await asVisitor(database, guest, withdraw, [withdrawn.bookingId, key]);
  await follow(database, released, "canceled");
  expect(await profile(host)).toMatchObject({ rate: null });
  await answer("accept", late);
  expect(await profile(host)).toMatchObject({ rate: 100 });
  // One gets no answer.
  await stopClock(database, "2031-06-03T11:00:00Z");
  await asServer(database, "select app_private.expire_holds()");
  expect(await profile(host)).toMatchObject({ rate: 83 });
  expect(await profile(guest)).toMatchObject({ rate: null });
  await stopClock(database, "2032-06-03T11:00:01Z");
  expect(await profile(host)).toMatchObject({ rate: null });
});

test("servers hear whose profile a stay, a missed one or an answer has changed", async () => {
  const client = await database.owner.connect();
  const heard = new Set<string>();
  client.on("notification", ({ payload = "" }) => heard.add(payload));
  const changed = async (work: () => Promise<unknown>): Promise<string[]> => {
    heard.clear();
    await work();
    // What was told before is heard before the answer to this.
    await client.query("select 1");
    return [...heard].filter((each) => each.startsWith("user:")).toSorted();
  };
  const both = [`user:${host}`, `user:${guest}`].toSorted();
  try {
    await client.query("listen staybase_changes");
    const listing = await publishedListing(database, host, { units: 2 });
    const missed = await paidBooking(database, guest, listing);
    await stopClock(database, "2031-06-12T11:00Z");
    const miss = "select app_public.mark_no_show($1)";
    expect(await changed(() => asVisitor(database, host, miss, [missed]))).toEqual(both);
    expect(await changed(complete)).toEqual(both);
    await stopClock(database, NOON);
    const asked = await request(
      await publishedListing(database, host, { bookingMode: "request", units: 1 }),
    );
    expect(await changed(() => answer("decline", asked))).toEqual([`user:${host}`]);
  } finally {
    client.release(true);
  }
});

test("people say where they live on one short line, and nobody says it for them", async () => {
  const move = (as: string, location: string | null): Promise<Row[]> =>
    asVisitor(
      database,
      as,
      "update app_public.users set location = $2 where id = $1 returning location",
      [guest, location],
    );
  expect(await move(guest, "Lisbon, Portugal")).toEqual([{ location: "Lisbon, Portugal" }]);
  expect(await move(stranger, "Elsewhere")).toEqual([]);
  const seen = "select location from app_public.users where id = $1";
  expect(await asVisitor(database, stranger, seen, [guest])).toEqual([
    { location: "Lisbon, Portugal" },
  ]);
  expect(await refusal(move(guest, "x".repeat(101)))).toBe("23514");
  expect(await refusal(move(guest, "  "))).toBe("23514");
  expect(await move(guest, "x".repeat(100))).toHaveLength(1);
  expect(await move(guest, null)).toEqual([{ location: null }]);
});
