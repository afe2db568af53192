/** Arriving, leaving and not coming: who may say so, when, and what follows. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { withTransaction } from "../../../src/resources/postgres.ts";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  hold,
  NOON,
  paidBooking,
  publishEvents,
  publishedListing,
  refusal,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;
let booking: string;

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  await asOwner(database, "update app_private.quotas set most = 10000");
});

beforeEach(async () => {
  await stopClock(database, NOON);
  booking = await paidBooking(database, guest, await publishedListing(database, host));
});

type Mark = "mark_checked_in" | "mark_checked_out" | "mark_no_show";

const mark = async (as: string, what: Mark) => {
  const [row] = await asVisitor(
    database,
    as,
    `select checked_in_by::text as "in", checked_out_by::text as out,
       no_show_at is not null as "noShow" from app_public.${what}($1)`,
    [booking],
  );
  return row;
};

/** Noon in Lisbon, the stay being from the 10th to the 14th of June. */
const on = (day: number) => stopClock(database, `2031-06-${String(day).padStart(2, "0")}T11:00Z`);

const EARLY = "SBB14";
const FREE = "it was not refused";

test("the guest and the host say that the guest has arrived and left, each once", async () => {
  await on(10);
  expect(await mark(guest, "mark_checked_in")).toEqual({ in: "guest", out: null, noShow: false });
  expect(await mark(host, "mark_checked_in")).toMatchObject({ in: "guest" });
  await on(14);
  expect(await mark(host, "mark_checked_out")).toMatchObject({ in: "guest", out: "host" });
  expect(await mark(guest, "mark_checked_out")).toMatchObject({ out: "host" });
  await publishEvents(database);
  const events = await asOwner(
    database,
    `select type from app_private.events
     where subject = $1 and type like 'booking.checked%' order by sequence`,
    [booking],
  );
  expect(events).toEqual([{ type: "booking.checked_in" }, { type: "booking.checked_out" }]);
});

test.each<[Mark, number, number]>([
  ["mark_checked_in", 10, 16],
  ["mark_checked_out", 10, 16],
  ["mark_no_show", 11, 16],
])("%s is said from the %ith to the %ith", async (what, first, last) => {
  for (const [day, answer] of [
    [first - 1, EARLY],
    [last + 1, EARLY],
    [last, FREE],
  ] as const) {
    await on(day);
    expect(await refusal(mark(host, what))).toBe(answer);
  }
});

test("it is said from the local day of check-in on, wherever the listing is", async () => {
  const id = await publishedListing(database, host, {
    timeZone: "Pacific/Auckland",
    longitude: 174.76,
    latitude: -36.85,
  });
  booking = await paidBooking(database, guest, id);
  await stopClock(database, "2031-06-09T11:59:59Z");
  expect(await refusal(mark(guest, "mark_checked_in"))).toBe(EARLY);
  await stopClock(database, "2031-06-09T12:00:00Z");
  expect(await refusal(mark(guest, "mark_checked_in"))).toBe(FREE);
});

describe("that nobody came", () => {
  beforeEach(() => on(11));

  test("is for the host to say, and the guest is told", async () => {
    expect(await refusal(mark(guest, "mark_no_show"))).toBe("SBG02");
    expect(await mark(host, "mark_no_show")).toEqual({ in: null, out: null, noShow: true });
    expect(await mark(host, "mark_no_show")).toMatchObject({ noShow: true });
    await publishEvents(database);
    const mails = await asOwner(
      database,
      "select user_id from app_private.mails where booking_id = $1 and kind = 'no_show_guest'",
      [booking],
    );
    expect(mails).toEqual([{ user_id: guest }]);
  });

  test("leaves the stay sold, its nights taken and its money where it is", async () => {
    const before = await asServer(database, "select * from app_private.ledger_drift()");
    await mark(host, "mark_no_show");
    const [row] = await asOwner(
      database,
      `select b.status::text as status, c.kind::text as kind from app_public.bookings b
       join app_public.calendar_claims c on c.booking_id = b.id where b.id = $1`,
      [booking],
    );
    expect(row).toEqual({ status: "confirmed", kind: "booking" });
    expect(await asServer(database, "select * from app_private.ledger_drift()")).toEqual(before);
    expect(await asServer(database, "select * from app_private.calendar_drift()")).toEqual([]);
  });

  test.each(["mark_checked_in", "mark_checked_out"] as const)(
    "is not said after %s",
    async (what) => {
      await mark(guest, what);
      expect(await refusal(mark(host, "mark_no_show"))).toBe("SBB08");
    },
  );

  test("is taken back by the operator, who has looked into it", async () => {
    await mark(host, "mark_no_show");
    const takeBack = (id: string) =>
      withTransaction(
        database.pool,
        { role: database.config.database.operator, claims: { userId: host } },
        (client) => client.query("select no_show_at from app_public.take_back_no_show($1)", [id]),
      );
    expect((await takeBack(booking)).rows).toEqual([{ no_show_at: null }]);
    expect(await refusal(takeBack(guest))).toBe("SBB01");
    const asHost = asVisitor(database, host, "select app_public.take_back_no_show($1)", [booking]);
    expect(await refusal(asHost)).toBe("42501");
  });

  test("is taken back by the host and not by the guest", async () => {
    await mark(host, "mark_no_show");
    for (const what of ["mark_checked_in", "mark_checked_out"] as const) {
      expect(await refusal(mark(guest, what))).toBe("SBB08");
    }
    expect(await mark(host, "mark_checked_in")).toEqual({ in: "host", out: null, noShow: false });
  });

  test("keeps the guest from rating the stay", async () => {
    await mark(host, "mark_no_show");
    await on(14);
    const review = () =>
      asVisitor(database, guest, "select app_public.submit_review($1, 1, 'Bad.')", [booking]);
    expect(await refusal(review())).toBe("SBR01");
    await mark(host, "mark_checked_in");
    expect(await refusal(review())).toBe(FREE);
  });
});

test("strangers do not find the stay, and only a sold one is marked", async () => {
  await on(11);
  const stranger = await somebody(database, "Otto");
  const marks = ["mark_checked_in", "mark_checked_out", "mark_no_show"] as const;
  for (const what of marks) expect(await refusal(mark(stranger, what))).toBe("SBB01");
  booking = await hold(database, guest, await publishedListing(database, host), [
    "2031-06-11",
    "2031-06-12",
  ]);
  await stopClock(database, "2031-06-11T11:05:00Z");
  expect(await refusal(mark(host, "mark_checked_in"))).toBe("SBB08");
});

test("who has arrived early has begun the stay: no policy, and no other first night", async () => {
  await on(10);
  const terms = async () => {
    const [row] = await asVisitor(
      database,
      guest,
      "select basis::text as basis from app_public.cancellation_preview($1)",
      [booking],
    );
    return row?.basis;
  };
  const move = () =>
    asVisitor(
      database,
      guest,
      `select app_public.propose_alteration(
         $1, gen_random_uuid()::text, '2031-06-11', '2031-06-14', 1)`,
      [booking],
    );
  expect(await terms()).toBe("policy");
  await mark(guest, "mark_checked_in");
  expect(await terms()).toBe("after_check_in");
  expect(await refusal(move())).toBe("SBC03");
});

test("a host who says early that the guest has arrived takes no money from the guest", async () => {
  await on(10);
  const refund = async () => {
    const [row] = await asVisitor(
      database,
      guest,
      "select basis::text as basis, refund_amount from app_public.cancellation_preview($1)",
      [booking],
    );
    return row;
  };
  const before = await refund();
  expect(before).toMatchObject({ basis: "policy" });
  await mark(host, "mark_checked_in");
  expect(await refund()).toEqual(before);
});

test("a change of the first night is not accepted any more once the guest has arrived", async () => {
  await on(10);
  const [proposed] = await asVisitor(
    database,
    guest,
    `select id from app_public.propose_alteration(
       $1, gen_random_uuid()::text, '2031-06-11', '2031-06-14', 1)`,
    [booking],
  );
  await mark(guest, "mark_checked_in");
  const accept = asVisitor(
    database,
    host,
    "select app_public.accept_alteration($1, gen_random_uuid()::text)",
    [proposed?.id],
  );
  expect(await refusal(accept)).toBe("SBC03");
});
