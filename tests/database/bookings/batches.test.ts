/** A batch treats each row by itself: one bad row is left as it was, the others go on. */
import { beforeEach, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  bookingStatus,
  hold,
  NOON,
  paidBooking,
  publishedListing,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;

beforeEach(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
});

const TRIGGERS = {
  "in the middle": "create trigger _050_break before",
  "at commit": "create constraint trigger _950_break after",
};

/** Makes every change of one booking fail, in the middle of its statement or at commit. */
async function breakBooking(bookingId: string, when: keyof typeof TRIGGERS): Promise<void> {
  const deferred = when === "at commit" ? "deferrable initially deferred" : "";
  await asOwner(
    database,
    `create or replace function app_hidden.tg_bookings__break() returns trigger
     language plpgsql as $$ begin raise exception 'Broken.' using errcode = 'SBB08'; end $$`,
  );
  await asOwner(
    database,
    `${TRIGGERS[when]} update on app_public.bookings ${deferred}
     for each row when (OLD.id = '${bookingId}')
     execute function app_hidden.tg_bookings__break()`,
  );
}

async function mendBookings(): Promise<void> {
  await asOwner(database, "drop trigger if exists _050_break on app_public.bookings");
  await asOwner(database, "drop trigger if exists _950_break on app_public.bookings");
}

const run = async (statement: string): Promise<unknown> =>
  (await asServer(database, `select ${statement} as done`))[0]?.done;

test.each(["in the middle", "at commit"] as const)(
  "a stay that fails %s is left, the others are completed",
  async (when) => {
    const bookings: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      bookings.push(await paidBooking(database, guest, await publishedListing(database, host)));
    }
    const [first = "", bad = "", last = ""] = bookings;
    await breakBooking(bad, when);
    await stopClock(database, "2031-07-01T12:00:00Z");
    expect(await run("app_private.complete_stays()")).toBe(2);
    expect(await bookingStatus(database, first)).toBe("completed");
    expect(await bookingStatus(database, bad)).toBe("confirmed");
    expect(await bookingStatus(database, last)).toBe("completed");
    expect(await run("app_private.complete_stays()")).toBe(0);
    expect(await run("app_private.count_stays_to_complete()")).toBe("1");
    await mendBookings();
    expect(await run("app_private.complete_stays()")).toBe(1);
    expect(await run("app_private.count_stays_to_complete()")).toBe("0");
  },
);

test.each(["in the middle", "at commit"] as const)(
  "a hold that fails %s is left with its nights, the others end",
  async (when) => {
    const bookings: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      bookings.push(await hold(database, guest, await publishedListing(database, host)));
    }
    const [first = "", bad = "", last = ""] = bookings;
    await breakBooking(bad, when);
    await stopClock(database, "2031-06-02T12:00:00Z");
    expect(await run("app_private.expire_holds()")).toBe(2);
    expect(await bookingStatus(database, first)).toBe("expired");
    expect(await bookingStatus(database, bad)).toBe("pending_payment");
    expect(await bookingStatus(database, last)).toBe("expired");
    expect(await run("app_private.expire_holds()")).toBe(0);
    expect(await run("(select count(*)::integer from app_private.calendar_drift())")).toBe(0);
    await mendBookings();
    expect(await run("app_private.expire_holds()")).toBe(1);
  },
);
