/** Nobody is given back more than was taken of them, and a refund stands as it was decided. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { openTestDatabase, type TestDatabase, testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  followRefund,
  NOON,
  paidBooking,
  publishedListing,
  refusal,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";
import { drawFrom } from "../../helpers/generate.ts";

const database = testDatabase();
let guest: string;
let host: string;

/** What a stay of the factories costs. */
const PAID = 44_800;
const REFUND = `insert into app_public.refunds (payment_id, reason, reason_code, currency, amount)
  select id, 'A gesture.', 'goodwill', $2, $3 from app_public.payments where booking_id = $1 returning id`;

beforeAll(async () => {
  guest = await somebody(database, "Gero");
  host = await somebody(database, "Hanna");
});

beforeEach(() => stopClock(database, NOON));

const paid = async (): Promise<string> =>
  paidBooking(database, guest, await publishedListing(database, host));

const refund = (booking: string, amount: number, currency = "EUR", on: TestDatabase = database) =>
  asOwner(on, REFUND, [booking, currency, amount]);

test.each([
  ["all that was taken", "EUR", PAID, undefined],
  ["the least there is", "EUR", 1, undefined],
  ["more than was taken", "EUR", PAID + 1, "SBM04"],
  ["another currency", "USD", 100, "SBM04"],
  ["nothing", "EUR", 0, "23514"],
  ["less than nothing", "EUR", -1, "23514"],
])("of a payment, %s in %s", async (_what, currency, amount, code) => {
  const made = refund(await paid(), amount, currency);
  if (code === undefined) expect(await made).toHaveLength(1);
  else expect(await refusal(made)).toBe(code);
});

test("any refunds, failed ones among them, stay within what was taken", async () => {
  let refused = 0;
  for (let seed = 0; seed < 20; seed += 1) {
    const draw = drawFrom(seed);
    const booking = await paid();
    let live = 0;
    for (let step = 0; step < 6; step += 1) {
      const amount = draw.one([1, 100, 10_000, 20_000, PAID / 2, PAID]);
      const attempt = refund(booking, amount);
      if (live + amount > PAID) {
        expect(await refusal(attempt)).toBe("SBM04");
        refused += 1;
        continue;
      }
      const id = text(await attempt, "id");
      live += amount;
      const status = draw.one(["pending", "succeeded", "failed"]);
      await followRefund(database, id, status);
      if (status === "failed") live -= amount;
    }
  }
  expect(refused).toBeGreaterThan(0);
});

test("of two refunds at once that are too much together, one is refused", async () => {
  const booking = await paid();
  const tries = await Promise.all(
    [1, 2, 3, 4].map(() =>
      refund(booking, PAID / 2 + 1).then(
        () => "made",
        (error) => refusal(Promise.reject(error)),
      ),
    ),
  );
  expect(tries.sort()).toEqual(["SBM04", "SBM04", "SBM04", "made"]);
});

describe("a refund that was decided", () => {
  test.each(["amount = amount - 1", "currency = 'USD'", "id = uuidv7()"])(
    "is never changed: set %s",
    async (change) => {
      const id = text(await refund(await paid(), 100), "id");
      const update = `update app_public.refunds set ${change} where id = $1`;
      expect(await refusal(asOwner(database, update, [id]))).toBe("SBG05");
    },
  );

  test("is never deleted", async () => {
    const id = text(await refund(await paid(), 100), "id");
    const gone = asOwner(database, "delete from app_public.refunds where id = $1", [id]);
    expect(await refusal(gone)).toBe("SBG05");
  });
});

test("without the guard more goes back than came (negative control)", async () => {
  const bare = await openTestDatabase();
  try {
    await stopClock(bare, NOON);
    const [seller, buyer] = [await somebody(bare), await somebody(bare)];
    const booking = await paidBooking(bare, buyer, await publishedListing(bare, seller));
    await asOwner(bare, "drop trigger _900_within_capture on app_public.refunds");
    expect(await refund(booking, PAID + 1, "EUR", bare)).toHaveLength(1);
  } finally {
    await bare.dispose();
  }
});
