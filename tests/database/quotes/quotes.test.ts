/** What a stay costs, line by line, and that a stored price sums (M7) and stands. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { openTestDatabase, testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  book,
  hold,
  type ListingOptions,
  NOON,
  ownerTransaction,
  publishedListing,
  quoted,
  refusal,
  STAY,
  type Stay,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
});

beforeEach(() => stopClock(database, NOON));

const listing = (options: ListingOptions = {}) => publishedListing(database, host, options);

/** The lines as `rule: quantity x unit = amount payer>payee`, and the totals. */
async function price(id: string, stay: Stay, guests = 1) {
  const [found] = await asVisitor(
    database,
    null,
    `select total_amount::text as total, host_amount::text as host, array(
       select format('%s: %s x %s = %s %s>%s', rule, quantity, unit_amount, amount, payer, payee)
       from unnest(q.line_items)
     ) as lines
     from app_public.quote($1, $2, $3, $4) q`,
    [id, ...stay, guests],
  );
  return found;
}

describe("a quote", () => {
  test("says line by line what the guest pays and what the host earns", async () => {
    const id = await listing({
      weekendNightlyAmount: 12_000,
      cleaningFeeAmount: 2500,
      extraGuestFeeAmount: 700,
      guestsIncluded: 2,
    });
    await asVisitor(
      database,
      host,
      "select app_public.set_dated_rate($1, '2031-06-14', '2031-06-16', 20000)",
      [id],
    );
    // Thursday to Tuesday: Thu base, Fri weekend, Sat and Sun dated, Mon base.
    expect(await price(id, ["2031-06-12", "2031-06-17"], 4)).toEqual({
      total: "91280",
      host: "79055",
      lines: [
        "base_rate: 2 x 10000 = 20000 guest>host",
        "weekend_rate: 1 x 12000 = 12000 guest>host",
        "dated_rate: 2 x 20000 = 40000 guest>host",
        "cleaning_fee: 1 x 2500 = 2500 guest>host",
        "extra_guest_fee: 10 x 700 = 7000 guest>host",
        "12.00%: 1 x 9780 = 9780 guest>platform",
        "3.00%: 1 x 2445 = 2445 host>platform",
      ],
    });
  });

  test("rounds shares half up, in steps of the currency", async () => {
    const cents = await listing({ nightlyAmount: 1004 });
    expect(await price(cents, ["2031-06-10", "2031-06-11"])).toMatchObject({ total: "1124" });
    const fils = await listing({ currency: "KWD", nightlyAmount: 10_370 });
    expect(await price(fils, ["2031-06-10", "2031-06-11"])).toMatchObject({
      // 12 % are 1244.4, in tens 1240; 3 % are 311.1, in tens 310.
      total: "11610",
      host: "10060",
    });
    const yen = await listing({ currency: "JPY", nightlyAmount: 1004 });
    expect(await price(yen, ["2031-06-10", "2031-06-11"])).toMatchObject({ total: "1124" });
  });

  test("does not overflow at the highest rates and the longest stay", async () => {
    const id = await listing({
      nightlyAmount: 100_000_000_000,
      cleaningFeeAmount: 100_000_000_000,
      extraGuestFeeAmount: 100_000_000_000,
      maxGuests: 16,
      maxNights: 730,
    });
    const subtotal = 10n ** 11n * (730n + 1n + 730n * 15n);
    const stay: Stay = ["2031-06-10", "2033-06-09"];
    const priced = await asOwner(
      database,
      `select p.total_amount::text as total
       from app_hidden.price_stay($1, $2, $3, 16, only_free => false) p`,
      [id, ...stay],
    );
    expect(text(priced, "total")).toBe(String(subtotal + (subtotal * 12n) / 100n));
    // It is priced right, but nobody could charge it.
    expect(await refusal(price(id, stay, 16))).toBe("SBP04");
    expect(await refusal(quoted(database, guest, id, stay, 16))).toBe("SBP04");
  });

  test("is at least what a card can be charged", async () => {
    const id = await listing({ nightlyAmount: 11, cleaningFeeAmount: 1 });
    expect(await price(id, STAY)).toMatchObject({ total: "50" });
    const shorter: Stay = ["2031-06-10", "2031-06-13"];
    expect(await refusal(price(id, shorter))).toBe("SBP04");
    expect(await refusal(quoted(database, guest, id, shorter))).toBe("SBP04");
  });

  test("is not made for nobody, nor for the host", async () => {
    const id = await listing();
    const ask = (who: string | null) =>
      asVisitor(database, who, "select app_public.create_quote($1, $2, $3, 1)", [id, ...STAY]);
    expect(await refusal(ask(null))).toBe("SBG01");
    expect(await refusal(ask(host))).toBe("SBB04");
  });

  test("wants rates", async () => {
    const id = await listing();
    await asOwner(database, "delete from app_public.listing_rates where listing_id = $1", [id]);
    expect(await refusal(quoted(database, guest, id))).toBe("SBP06");
  });
});

describe("a stored quote", () => {
  test("is what the price was, whatever the host asks later", async () => {
    const id = await listing();
    const quote = await quoted(database, guest, id);
    await asVisitor(database, host, "select app_public.set_listing_rates($1, 'EUR', 99900)", [id]);
    const booking = await book(database, guest, quote);
    const sold = await asOwner(
      database,
      `select b.total_amount::text as total, sum(i.amount)::text as lines
       from app_public.bookings b join app_public.quote_line_items i using (quote_id)
       where b.id = $1 and i.payer = 'guest' group by b.id`,
      [booking],
    );
    expect(sold).toEqual([{ total: "44800", lines: "44800" }]);
  });

  test("is seen by who asked, and by the host once it is booked", async () => {
    const id = await listing();
    const quote = await quoted(database, guest, id);
    for (const part of [
      "select id from app_public.quotes where id = $1",
      "select distinct quote_id as id from app_public.quote_line_items where quote_id = $1",
    ]) {
      expect(await asVisitor(database, guest, part, [quote])).toEqual([{ id: quote }]);
      expect(await asVisitor(database, host, part, [quote])).toEqual([]);
      expect(await asVisitor(database, null, part, [quote])).toEqual([]);
      expect(await asOwner(database, part, [quote])).toEqual([{ id: quote }]);
    }
    await book(database, guest, quote);
    const QUOTE = "select id from app_public.quotes where id = $1";
    expect(await asVisitor(database, host, QUOTE, [quote])).toEqual([{ id: quote }]);
    expect(await asVisitor(database, await somebody(database), QUOTE, [quote])).toEqual([]);
  });

  test("is never changed, psql included", async () => {
    const quote = await quoted(database, guest, await listing());
    for (const statement of [
      "update app_public.quotes set total_amount = total_amount + 1 where id = $1",
      "update app_public.quotes set guest_id = guest_id where id = $1",
      "update app_public.quote_line_items set amount = 1, quantity = 1 where quote_id = $1",
    ]) {
      expect(await refusal(asOwner(database, statement, [quote]))).toBe("SBG05");
    }
  });
});

describe("line items sum to the totals (M7)", () => {
  const COPY = `insert into app_public.quotes
      (listing_id, guest_id, check_in, check_out, guests, currency, total_amount, host_amount,
       platform_amount, cancellation_policy)
    select listing_id, guest_id, check_in, check_out, guests, currency, total_amount, host_amount,
      platform_amount, cancellation_policy
    from app_public.quotes where id = $1 returning id`;

  test("at commit, whoever wrote", async () => {
    const quote = await quoted(database, guest, await listing());
    expect(await refusal(asOwner(database, COPY, [quote]))).toBe("SBM01");
    const lose = "delete from app_public.quote_line_items where quote_id = $1 and position = 1";
    expect(await refusal(asOwner(database, lose, [quote]))).toBe("SBM01");
    const gain = `insert into app_public.quote_line_items
      select quote_id, 99, code, rule, currency, 1, 1, 1, payer, payee
      from app_public.quote_line_items where quote_id = $1 and position = 1`;
    expect(await refusal(asOwner(database, gain, [quote]))).toBe("SBM01");
  });

  test("and a booking costs what its quote says", async () => {
    const booking = await hold(database, guest, await listing());
    for (const changes of [
      "total_amount = total_amount + 1, host_amount = host_amount + 1",
      "host_amount = host_amount + 1, platform_amount = platform_amount - 1",
      "currency = 'USD'",
    ]) {
      const attempt = asOwner(database, `update app_public.bookings set ${changes} where id = $1`, [
        booking,
      ]);
      expect(await refusal(attempt)).toBe("SBM01");
    }
    const shares = "update app_public.bookings set platform_amount = 0 where id = $1";
    expect(await refusal(asOwner(database, shares, [booking]))).toBe("SBM01");
  });

  test("not without their guards (negative control)", async () => {
    const bare = await openTestDatabase();
    try {
      await stopClock(bare, NOON);
      const [seller, buyer] = [await somebody(bare), await somebody(bare)];
      const booking = await hold(bare, buyer, await publishedListing(bare, seller));
      const quote = text(
        await asOwner(bare, "select quote_id from app_public.bookings where id = $1", [booking]),
        "quote_id",
      );
      await ownerTransaction(bare, async (client) => {
        await client.query("drop trigger _900_line_items_sum on app_public.quotes");
        await client.query("drop trigger _900_line_items_sum on app_public.quote_line_items");
        await client.query("drop trigger _300_price_stands on app_public.bookings");
      });
      expect(await refusal(asOwner(bare, COPY, [quote]))).toBe("it was not refused");
      const dearer = `update app_public.bookings
        set total_amount = total_amount + 1, host_amount = host_amount + 1 where id = $1`;
      expect(await refusal(asOwner(bare, dearer, [booking]))).toBe("it was not refused");
    } finally {
      await bare.dispose();
    }
  });
});
