/** What a host may ask for a night, and in which money. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  completeListing,
  draft,
  NOON,
  refusal,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let id: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
});

beforeEach(async () => {
  id = await draft(database, host);
});

const set = (...values: unknown[]) =>
  asVisitor(
    database,
    host,
    `select currency, nightly_amount, weekend_nightly_amount, cleaning_fee_amount,
       extra_guest_fee_amount, guests_included
     from app_public.set_listing_rates(
       $1, ${[
         "currency",
         "nightly_amount",
         "weekend_nightly_amount",
         "cleaning_fee_amount",
         "extra_guest_fee_amount",
         "guests_included",
       ]
         .slice(0, values.length)
         .map((name, index) => `${name} => $${index + 2}`)
         .join(", ")})`,
    [id, ...values],
  );

const setDates = (from: unknown, to: unknown, amount: unknown) =>
  asVisitor(
    database,
    host,
    `select lower(nights)::text as starts, upper(nights)::text as ends, nightly_amount as amount
     from app_public.set_dated_rate($1, $2, $3, $4)`,
    [id, from, to, amount],
  );

const allDates = () =>
  asOwner(
    database,
    `select lower(nights)::text as starts, upper(nights)::text as ends, nightly_amount as amount
     from app_public.dated_rates where listing_id = $1 order by nights`,
    [id],
  );

describe("rates", () => {
  test("are set and replaced as a whole", async () => {
    expect(await set("EUR", 10_000, 12_000, 2500, 500, 2)).toEqual([
      {
        currency: "EUR",
        nightly_amount: "10000",
        weekend_nightly_amount: "12000",
        cleaning_fee_amount: "2500",
        extra_guest_fee_amount: "500",
        guests_included: 2,
      },
    ]);
    expect(await set("USD", 9000)).toMatchObject([
      { currency: "USD", weekend_nightly_amount: null, cleaning_fee_amount: "0" },
    ]);
    expect(await set("USD", 9000, null, null, null, null)).toMatchObject([
      { cleaning_fee_amount: "0", extra_guest_fee_amount: "0", guests_included: 1 },
    ]);
  });

  test("are positive, within bounds, and there", async () => {
    for (const values of [
      ["EUR", 0],
      ["EUR", -1],
      ["EUR", null],
      ["EUR", "100000000001"],
      ["EUR", "9223372036854775807"],
      ["EUR", "-9223372036854775808"],
      ["EUR", 100, 0],
      ["EUR", 100, -100],
      ["EUR", 100, null, -1],
      ["EUR", 100, null, 0, -1],
    ]) {
      expect(await refusal(set(...values))).toBe("SBP04");
    }
    for (const guests of [0, -1, 17]) {
      expect(await refusal(set("EUR", 100, null, 0, 0, guests))).toBe("23514");
    }
    expect(await refusal(set("EUR", 100, null, 0, 0, 2_147_483_647))).toBe("22003");
    expect(await refusal(set("EUR", "9223372036854775808"))).toBe("22003");
    expect(
      await asOwner(database, "select from app_public.listing_rates where listing_id = $1", [id]),
    ).toEqual([]);
  });

  test("are in a currency that we trade in", async () => {
    for (const currency of ["XXX", "eur", "", null, "€"]) {
      expect(await refusal(set(currency, 100))).toBe("SBP05");
    }
  });

  test("are in steps that a card can be charged", async () => {
    expect(await refusal(set("KWD", 12_345))).toBe("SBP04");
    expect(await refusal(set("KWD", 12_340, null, 5))).toBe("SBP04");
    await expect(set("KWD", 12_340, null, 50)).resolves.toHaveLength(1);
    await expect(set("JPY", 12_345)).resolves.toHaveLength(1);
  });
});

describe("dated rates", () => {
  test("need rates first", async () => {
    expect(await refusal(setDates("2031-07-01", "2031-07-02", 100))).toBe("SBP06");
  });

  test("cut what was there, and are taken back without an amount", async () => {
    await set("EUR", 10_000);
    await setDates("2031-07-01", "2031-07-11", 15_000);
    await setDates("2031-07-04", "2031-07-06", 20_000);
    expect(await allDates()).toEqual([
      { starts: "2031-07-01", ends: "2031-07-04", amount: "15000" },
      { starts: "2031-07-04", ends: "2031-07-06", amount: "20000" },
      { starts: "2031-07-06", ends: "2031-07-11", amount: "15000" },
    ]);
    await setDates("2031-07-02", "2031-07-10", null);
    expect(await allDates()).toEqual([
      { starts: "2031-07-01", ends: "2031-07-02", amount: "15000" },
      { starts: "2031-07-10", ends: "2031-07-11", amount: "15000" },
    ]);
  });

  test("are positive amounts for finite dates in order", async () => {
    await set("EUR", 10_000);
    for (const amount of [0, -1, "100000000001"]) {
      expect(await refusal(setDates("2031-07-01", "2031-07-02", amount))).toBe("SBP04");
    }
    for (const [from, to] of [
      ["2031-07-02", "2031-07-02"],
      ["2031-07-02", "2031-07-01"],
      ["2031-07-02", "infinity"],
      [null, "2031-07-02"],
    ]) {
      expect(await refusal(setDates(from, to, 100))).toBe("SBC02");
    }
    expect(await refusal(setDates("2031-07-01", "2033-07-01", 100))).toBe("SBC04");
    expect(await allDates()).toEqual([]);
  });

  test("keep the currency until they are cleared", async () => {
    await set("EUR", 10_000);
    await setDates("2031-07-01", "2031-07-02", 15_000);
    // CURRENCY_IN_USE
    expect(await refusal(set("USD", 10_000))).toBe("SBP07");
    await setDates("2031-07-01", "2031-07-02", null);
    await expect(set("USD", 10_000)).resolves.toHaveLength(1);
  });

  test("are in the listing's currency, psql included", async () => {
    await set("EUR", 10_000);
    const attempt = asOwner(
      database,
      `insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
       values ($1, '[2031-07-01,2031-07-02)', 'USD', 100)`,
      [id],
    );
    expect(await refusal(attempt)).toBe("23503");
  });
});

test("a rate is seen by who sees the listing", async () => {
  const hidden = await completeListing(database, host);
  const RATES = "select listing_id from app_public.listing_rates where listing_id = $1";
  expect(await asVisitor(database, null, RATES, [hidden])).toEqual([]);
  expect(await asVisitor(database, host, RATES, [hidden])).toHaveLength(1);
  expect(await asOwner(database, RATES, [hidden])).toHaveLength(1);
});

describe("the copy of the rates that search and quotes read", () => {
  const copies = () =>
    asOwner(
      database,
      `select unit_number, currency, charge_step, nightly_amount, weekend_nightly_amount,
         guests_included, has_dated_rates
       from app_hidden.listing_availability where listing_id = $1 order by unit_number`,
      [id],
    );
  const drift = () => asOwner(database, "select * from app_private.pricing_drift()");

  test("follows every change, and a unit that joins later has it", async () => {
    await set("KWD", 10_000, 12_000, 0, 0, 2);
    await setDates("2031-01-01", "2031-01-03", 15_000);
    await asOwner(database, "update app_public.listings set unit_count = 2 where id = $1", [id]);
    const copy = {
      currency: "KWD",
      charge_step: 10,
      nightly_amount: "10000",
      weekend_nightly_amount: "12000",
      guests_included: 2,
      has_dated_rates: true,
    };
    expect(await copies()).toEqual([
      { unit_number: 1, ...copy },
      { unit_number: 2, ...copy },
    ]);
    await setDates("2031-01-01", "2031-01-03", null);
    await set("EUR", 9000);
    const changed = {
      currency: "EUR",
      charge_step: 1,
      nightly_amount: "9000",
      weekend_nightly_amount: null,
      guests_included: 1,
      has_dated_rates: false,
    };
    expect(await copies()).toEqual([
      { unit_number: 1, ...changed },
      { unit_number: 2, ...changed },
    ]);
    expect(await drift()).toEqual([]);
  });

  test("is found by pricing_drift() where it is not true", async () => {
    await set("EUR", 9000);
    await asOwner(
      database,
      "update app_hidden.listing_availability set nightly_amount = 1 where listing_id = $1",
      [id],
    );
    expect(await drift()).toEqual([{ listing_id: id, unit_number: 1 }]);
  });
});
