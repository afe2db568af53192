/**
 * The price of a stay against a reference that walks it night by night, in currencies with none,
 * two and three decimals; and the line items, which must sum to it to the minor unit.
 */
import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";

const db = testDatabase();

const DAY = 86_400_000;
const START = Date.UTC(2030, 0, 1);

interface DatedRate {
  /** Days after the start of 2030, from the first to before the last. */
  readonly from: number;
  readonly to: number;
  readonly amount: bigint;
}

interface Rates {
  readonly currency: string;
  readonly step: bigint;
  readonly nightly: bigint;
  readonly weekend: bigint | null;
  readonly cleaning: bigint;
  readonly extraGuest: bigint;
  readonly pet: bigint;
  readonly included: number;
  readonly dated: readonly DatedRate[];
}

interface Price {
  readonly subtotal: bigint;
  readonly fee: bigint;
  readonly commission: bigint;
  readonly total: bigint;
}

let guestFeeBps = 0n;
let commissionBps = 0n;

/** mulberry32, so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

function isoDate(day: number): string {
  return new Date(START + day * DAY).toISOString().slice(0, 10);
}

function randomRates(currency: string, step: bigint, random: (below: number) => number): Rates {
  const amount = (most: number): bigint => BigInt(1 + random(most)) * step;
  const dated: DatedRate[] = [];
  for (let day = random(10); day < 60 && random(4) > 0; day += random(9)) {
    const to = day + 1 + random(8);
    dated.push({ from: day, to, amount: amount(40_000) });
    day = to;
  }
  return {
    currency,
    step,
    nightly: amount(30_000),
    weekend: random(2) === 0 ? null : amount(35_000),
    cleaning: random(2) === 0 ? 0n : amount(9000),
    extraGuest: random(2) === 0 ? 0n : amount(2000),
    pet: random(2) === 0 ? 0n : amount(5000),
    included: 1 + random(4),
    dated,
  };
}

/** Half up to whole steps, in integers. */
function share(amount: bigint, bps: bigint, step: bigint): bigint {
  const whole = 10_000n * step;
  return ((2n * amount * bps + whole) / (2n * whole)) * step;
}

function walk(rates: Rates, from: number, to: number, guests: number, pets: number): Price {
  let subtotal = rates.cleaning + (pets > 0 ? rates.pet : 0n);
  for (let day = from; day < to; day += 1) {
    const dated = rates.dated.find((rate) => day >= rate.from && day < rate.to);
    const weekday = new Date(START + day * DAY).getUTCDay();
    const isWeekend = weekday === 5 || weekday === 6;
    subtotal += dated?.amount ?? (isWeekend ? (rates.weekend ?? rates.nightly) : rates.nightly);
    subtotal += rates.extraGuest * BigInt(Math.max(0, guests - rates.included));
  }
  const fee = share(subtotal, guestFeeBps, rates.step);
  const commission = share(subtotal, commissionBps, rates.step);
  return { subtotal, fee, commission, total: subtotal + fee };
}

async function makeListing(rates: Rates): Promise<string> {
  const id = randomUUID();
  await db.owner.query(
    `with host as (
       insert into app_public.users (display_name) values ('A host') returning id
     )
     insert into app_public.listings (id, host_id, title, max_guests)
     select $1, host.id, 'A place', 16 from host`,
    [id],
  );
  await db.owner.query(
    `insert into app_public.listing_rates (listing_id, currency, nightly_amount,
       weekend_nightly_amount, cleaning_fee_amount, extra_guest_fee_amount, guests_included,
       pet_fee_amount)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      ...[id, rates.currency, rates.nightly, rates.weekend],
      ...[rates.cleaning, rates.extraGuest, rates.included, rates.pet],
    ],
  );
  for (const { from, to, amount } of rates.dated) {
    await db.owner.query(
      `insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
       values ($1, daterange($2, $3), $4, $5)`,
      [id, isoDate(from), isoDate(to), rates.currency, amount],
    );
  }
  return id;
}

beforeAll(async () => {
  const { rows } = await db.owner.query<{ guest: number; host: number }>(
    `select guest_service_fee_bps as guest, host_commission_bps as host
     from app_hidden.platform_fees order by effective_at desc limit 1`,
  );
  guestFeeBps = BigInt(rows[0]?.guest ?? 0);
  commissionBps = BigInt(rows[0]?.host ?? 0);
});

describe.each([
  ["JPY", 1n],
  ["EUR", 1n],
  ["KWD", 10n],
] as const)("a stay priced in %s", (currency, step) => {
  test("costs what walking it night by night gives", async () => {
    const random = generator(Number(step) + currency.charCodeAt(0));
    for (let listing = 0; listing < 12; listing += 1) {
      const rates = randomRates(currency, step, random);
      const id = await makeListing(rates);
      for (let stay = 0; stay < 12; stay += 1) {
        const from = random(60);
        const to = from + 1 + random(stay === 0 ? 200 : 14);
        const [guests, pets] = [1 + random(8), random(3)];
        const { rows } = await db.owner.query(
          `select currency, subtotal_amount, guest_service_fee_amount, host_commission_amount,
             total_amount, base_nights + weekend_nights + dated_nights as nights
           from app_hidden.price_stay($1, $2, $3, $4, false, $5)`,
          [id, isoDate(from), isoDate(to), guests, pets],
        );
        const price = walk(rates, from, to, guests, pets);
        expect(rows).toEqual([
          {
            currency,
            subtotal_amount: String(price.subtotal),
            guest_service_fee_amount: String(price.fee),
            host_commission_amount: String(price.commission),
            total_amount: String(price.total),
            nights: to - from,
          },
        ]);
      }
    }
  });

  test("has line items that sum to the total and to the host's share", async () => {
    const random = generator(99 + Number(step));
    for (let listing = 0; listing < 8; listing += 1) {
      const rates = randomRates(currency, step, random);
      const id = await makeListing(rates);
      const from = random(40);
      const to = from + 1 + random(30);
      const [guests, pets] = [1 + random(8), random(3)];
      const { rows } = await db.owner.query(
        `select
           sum(amount) filter (where payer = 'guest')::text as total,
           sum(case when payee = 'host' then amount when payer = 'host' then -amount else 0 end)
             ::text as host,
           sum(quantity) filter (where code = 'nights')::integer as nights,
           bool_and(amount = unit_amount * quantity and amount % $5 = 0) as is_chargeable,
           array_agg(distinct currency) as currencies
         from app_hidden.stay_line_items($1, $2, $3, $4, $6)`,
        [id, isoDate(from), isoDate(to), guests, step, pets],
      );
      const price = walk(rates, from, to, guests, pets);
      expect(rows).toEqual([
        {
          total: String(price.total),
          host: String(price.subtotal - price.commission),
          nights: to - from,
          is_chargeable: true,
          currencies: [currency],
        },
      ]);
    }
  });
});

describe("a listing without rates", () => {
  test("has no price", async () => {
    const { rows } = await db.owner.query(
      "select * from app_hidden.price_stay($1, '2030-01-01', '2030-01-05', 2, false)",
      [randomUUID()],
    );
    expect(rows).toEqual([]);
  });
});
