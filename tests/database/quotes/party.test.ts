/** Who comes: what adults, children, infants and pets count for, and what a listing takes of them. */
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  book,
  type Companions,
  type ListingOptions,
  NOON,
  paidBooking,
  pay,
  publishedListing,
  quoted,
  refusal,
  STAY,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";
import { drawFrom } from "../../helpers/generate.ts";

const database = testDatabase();
let host: string;
let guest: string;

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  await asOwner(database, "update app_private.quotas set most = 100000");
});

beforeEach(() => stopClock(database, NOON));

const listing = (options: ListingOptions = {}) => publishedListing(database, host, options);
const PETS = { maxPets: 2 };

/** Codes of bookability, and the code with which a quote is refused. */
async function both(
  id: string,
  guests: number,
  { children = 0, infants = 0, pets = 0 }: Companions,
): Promise<[codes: unknown[], refused: string]> {
  const reasons = await asVisitor(
    database,
    guest,
    "select code, rule from app_public.bookability($1, $2, $3, $4, $5, $6, $7)",
    [id, ...STAY, guests, children, infants, pets],
  );
  return [
    reasons.map(({ code, rule }) => (rule === null ? code : `${code} ${rule}`)),
    await refusal(quoted(database, guest, id, STAY, guests, { children, infants, pets })),
  ];
}

const FREE = [[], "it was not refused"];

describe("a party", () => {
  test("of children is counted as guests, of infants and pets is not", async () => {
    const id = await listing({ maxGuests: 4, ...PETS });
    expect(await both(id, 4, { children: 3, infants: 5, pets: 2 })).toEqual(FREE);
    expect(await both(id, 5, { children: 1 })).toEqual([["too_many_guests 4"], "SBC05"]);
  });

  test.each<[string, ListingOptions, Companions, string, string]>([
    ["children", { welcomesChildren: false }, { children: 1 }, "children_not_welcome", "SBC11"],
    ["infants", { welcomesChildren: false }, { infants: 1 }, "children_not_welcome", "SBC11"],
    ["more infants", { maxInfants: 1 }, { infants: 2 }, "too_many_infants 1", "SBC12"],
    ["any infant", { maxInfants: 0 }, { infants: 1 }, "too_many_infants 0", "SBC12"],
    ["pets without the amenity", {}, { pets: 1 }, "pets_not_allowed", "SBC13"],
    ["pets at none", { maxPets: 0 }, { pets: 1 }, "pets_not_allowed", "SBC13"],
    ["more pets", PETS, { pets: 3 }, "too_many_pets 2", "SBC14"],
  ])("of %s is refused where they are not taken", async (_, options, companions, reason, code) => {
    expect(await both(await listing(options), 2, companions)).toEqual([[reason], code]);
    expect(await both(await listing({ maxPets: 5 }), 2, companions)).toEqual(FREE);
  });

  test.each<[string, readonly unknown[]]>([
    ["children alone", [2, 2, 0, 0]],
    ["more children than guests", [2, 3, 0, 0]],
    ["fewer than no children", [2, -1, 0, 0]],
    ["fewer than no infants", [2, 0, -1, 0]],
    ["fewer than no pets", [2, 0, 0, -1]],
    ["infants without end", [2, 0, 2_147_483_647, 0]],
    ["no number of pets", [2, 0, 0, null]],
  ])("of %s is none", async (_, party) => {
    const values = [await listing(PETS), ...STAY, ...party];
    for (const name of ["bookability", "quote", "create_quote"]) {
      const call = `select app_public.${name}($1, $2, $3, $4, $5, $6, $7)`;
      expect(await refusal(asVisitor(database, guest, call, values))).toBe("SBC06");
    }
  });

  test("is kept in the quote and the booking", async () => {
    const party = { children: 1, infants: 2, pets: 1 };
    const quote = await quoted(database, guest, await listing(PETS), STAY, 3, party);
    const booking = await book(database, guest, quote);
    for (const [table, id] of [
      ["quotes", quote],
      ["bookings", booking],
    ]) {
      const found = await asVisitor(
        database,
        guest,
        `select guests, adults, children, infants, pets from app_public.${table} where id = $1`,
        [id],
      );
      expect(found).toEqual([{ guests: 3, adults: 2, ...party }]);
    }
  });

  test("that is not taken any more when it books is told so", async () => {
    for (const [change, code] of [
      ["max_guests = 1", "SBC05"],
      ["welcomes_children = false", "SBC11"],
      ["max_infants = 0", "SBC12"],
      ["max_pets = 0", "SBC13"],
    ]) {
      const id = await listing(PETS);
      const party = { children: 1, infants: 1, pets: 1 };
      const quote = await quoted(database, guest, id, STAY, 2, party);
      await asVisitor(database, host, `update app_public.listings set ${change} where id = $1`, [
        id,
      ]);
      expect(await refusal(book(database, guest, quote))).toBe(code);
    }
  });
});

describe("pets", () => {
  const lines = async (id: string, pets: number) =>
    asVisitor(
      database,
      guest,
      `select i.code, i.amount::int as amount, i.payee::text as payee
       from app_public.quote($1, $2, $3, 1, 0, 0, $4) q, unnest(q.line_items) i`,
      [id, ...STAY, pets],
    );

  test("cost a fee once a stay, however many", async () => {
    const id = await listing({ ...PETS, petFeeAmount: 3000 });
    const fee = { code: "pet_fee", amount: 3000, payee: "host" };
    expect(await lines(id, 0)).not.toContainEqual(fee);
    expect(await lines(id, 1)).toContainEqual(fee);
    expect(await lines(id, 2)).toContainEqual(fee);
  });

  test("are given back with the cleaning fee until check-in, whatever is kept of the nights", async () => {
    const id = await listing({ ...PETS, petFeeAmount: 3000, cleaningFeeAmount: 2000 });
    await asVisitor(
      database,
      host,
      "update app_public.listings set cancellation_policy = 'non_refundable' where id = $1",
      [id],
    );
    const quote = await quoted(database, guest, id, STAY, 1, { pets: 1 });
    const booking = await book(database, guest, quote);
    await pay(database, guest, booking);
    await stopClock(database, "2031-06-05T11:00:00Z");
    const preview = await asVisitor(
      database,
      guest,
      `select i.code, i.refund_amount::int as back, i.basis::text as reason
       from app_public.cancellation_preview($1) p, unnest(p.line_items) i where i.code like '%_fee'`,
      [booking],
    );
    expect(preview).toContainEqual({ code: "pet_fee", back: 3000, reason: "before_check_in" });
    expect(preview).toContainEqual({ code: "cleaning_fee", back: 2000, reason: "before_check_in" });
  });
});

describe("a changed party", () => {
  const propose = async (booking: string, ...party: readonly unknown[]) => {
    const [made] = await asVisitor(
      database,
      guest,
      `select quote_id, difference_amount::int as more from app_public.propose_alteration(
         $1, gen_random_uuid()::text, $2, $3, $4, $5, $6, $7)`,
      [booking, ...STAY, ...party],
    );
    const [quote] = await asVisitor(
      database,
      guest,
      "select adults, children, infants, pets from app_public.quotes where id = $1",
      [made?.quote_id],
    );
    return { more: made?.more, ...quote };
  };

  test("says what is left out as it is, and costs what it would have", async () => {
    const id = await listing({ ...PETS, petFeeAmount: 3000 });
    const quote = await quoted(database, guest, id, STAY, 3, { children: 1, infants: 1 });
    const booking = await book(database, guest, quote);
    await pay(database, guest, booking);
    expect(await propose(booking, 3, null, null, 1)).toEqual({
      more: 3360,
      adults: 2,
      children: 1,
      infants: 1,
      pets: 1,
    });
  });

  test("is applied with the stay", async () => {
    const id = await listing(PETS);
    await asVisitor(
      database,
      host,
      "update app_public.listings set accepts_alterations = true where id = $1",
      [id],
    );
    const booking = await paidBooking(database, guest, id);
    await propose(booking, 3, 2, 1, 2);
    expect(
      await asVisitor(
        database,
        guest,
        "select adults, children, infants, pets from app_public.bookings where id = $1",
        [booking],
      ),
    ).toEqual([{ adults: 1, children: 2, infants: 1, pets: 2 }]);
  });

  test("may keep who was sold, and bring nobody else whom the listing does not take by now", async () => {
    const id = await listing(PETS);
    const quote = await quoted(database, guest, id, STAY, 2, { children: 1, infants: 2, pets: 2 });
    const booking = await book(database, guest, quote);
    await pay(database, guest, booking);
    await asVisitor(
      database,
      host,
      `update app_public.listings
       set welcomes_children = false, max_pets = 1, max_guests = 2 where id = $1`,
      [id],
    );
    expect(await refusal(propose(booking, 3, 2, null, null))).toBe("SBC05");
    expect(await refusal(propose(booking, 2, 1, 3, null))).toBe("SBC11");
    expect(await refusal(propose(booking, 2, 1, 2, 3))).toBe("SBC14");
    expect(await refusal(propose(booking, 1, null, null, null))).toBe("SBC06");
    expect(await propose(booking, 2, null, null, 1)).toMatchObject({ children: 1, pets: 1 });
  });
});

test("what bookability lets in is quoted and booked, and nothing else", async () => {
  const draw = drawFrom(31);
  for (let round = 0; round < 40; round += 1) {
    const id = await listing({
      maxGuests: draw.integer(1, 5),
      welcomesChildren: draw.integer(0, 3) > 0,
      maxInfants: draw.integer(0, 3),
      ...(draw.integer(0, 1) === 0 ? {} : { maxPets: draw.integer(0, 3) }),
    });
    const guests = draw.integer(1, 6);
    const party = {
      children: draw.integer(0, guests - 1),
      infants: draw.integer(0, 4),
      pets: draw.integer(0, 4),
    };
    const [codes, refused] = await both(id, guests, party);
    expect(refused === "it was not refused").toBe(codes.length === 0);
    if (codes.length > 0) continue;
    const quote = await quoted(database, guest, id, STAY, guests, party);
    await expect(book(database, guest, quote)).resolves.toEqual(expect.any(String));
  }
});
