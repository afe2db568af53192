/**
 * The demo market: complete, sound by every check that the database has, and the same everywhere.
 */
import { describe, expect, test } from "@jest/globals";
import { DEMO_PASSWORD, DEMO_SIGN_INS, seedDemo } from "../../src/commands/db/seed.ts";
import { openPasswords } from "../../src/resources/passwords.ts";
import { type OpenDatabase, openTestDatabase, testDatabase } from "../helpers/database.ts";

const db = testDatabase();

async function readAll(database: OpenDatabase | typeof db): Promise<unknown[]> {
  const { rows } = await database.owner.query(
    `select l.id, l.title, l.host_id, l.public_longitude, l.public_latitude, l.unit_count,
       r.currency, r.nightly_amount, r.weekend_nightly_amount, r.cleaning_fee_amount,
       (select count(*) from app_public.bookings b where b.listing_id = l.id) as bookings,
       (select sum(b.total_amount) from app_public.bookings b where b.listing_id = l.id) as sold,
       l.review_count, l.review_rating_sum
     from app_public.listings l
     join app_public.listing_rates r on r.listing_id = l.id
     order by l.id`,
  );
  return rows;
}

describe("the demo", () => {
  test("is seeded, and not a second time", async () => {
    const first = await seedDemo(db.config);
    expect(first.created).toBe(true);
    process.stderr.write(`the demo was seeded in ${first.milliseconds} ms\n`);
    expect(first.counts).toMatchObject({ people: 141, cities: 12, listings: 600 });
    expect(first.counts.pastStays).toBeGreaterThan(500);
    expect(first.counts.comingStays).toBeGreaterThan(250);
    expect(first.counts.reviews).toBeGreaterThan(400);
    expect(first.counts.blocks).toBeGreaterThan(80);

    const before = await readAll(db);
    const second = await seedDemo(db.config);
    expect(second.created).toBe(false);
    expect(second.counts).toEqual(first.counts);
    expect(await readAll(db)).toEqual(before);
  });

  test("shows every listing that is meant to be shown", async () => {
    const { rows } = await db.owner.query(
      `select status::text, count(*)::integer from app_public.listings group by 1 order by 1`,
    );
    expect(rows).toEqual([
      { status: "draft", count: 6 },
      { status: "paused", count: 6 },
      { status: "published", count: 588 },
    ]);
  });

  test.each(["calendar_drift", "pricing_drift", "search_drift", "ledger_drift"])(
    "leaves %s() empty",
    async (name) => {
      const { rows } = await db.owner.query(`select * from app_private.${name}()`);
      expect(rows).toEqual([]);
    },
  );

  test("has paid every stay and written it into the ledger", async () => {
    const { rows } = await db.owner.query(
      `select count(*)::integer as bookings,
         count(*) filter (where p.captured_amount = b.total_amount)::integer as paid,
         count(t.id)::integer as booked,
         count(*) filter (where c.kind = 'booking')::integer as claimed
       from app_public.bookings b
       left join app_public.payments p on p.booking_id = b.id
       left join app_public.ledger_transactions t on t.booking_id = b.id
       left join app_public.calendar_claims c on c.booking_id = b.id`,
    );
    const [row] = rows;
    expect(row.bookings).toBeGreaterThan(700);
    expect(row).toEqual({
      bookings: row.bookings,
      paid: row.bookings,
      booked: row.bookings,
      claimed: row.bookings,
    });
  });

  test("trades in currencies with no, two and three decimals, on both sides of the date line", async () => {
    const { rows } = await db.owner.query(
      `select
         array_agg(distinct c.exponent order by c.exponent) as exponents,
         count(distinct r.currency)::integer as currencies,
         bool_or(l.city = 'Taveuni' and l.public_longitude < -179) as east,
         bool_or(l.city = 'Taveuni' and l.public_longitude > 179) as west,
         bool_or(l.public_latitude < -30) as south,
         count(distinct l.time_zone)::integer as zones,
         count(*) filter (where l.unit_count > 1) > 0 as units
       from app_public.listings l
       join app_public.listing_rates r on r.listing_id = l.id
       join app_public.currencies c on c.code = r.currency`,
    );
    expect(rows).toEqual([
      {
        exponents: [0, 2, 3],
        currencies: 11,
        east: true,
        west: true,
        south: true,
        zones: 12,
        units: true,
      },
    ]);
  });

  test("lets the three sign in with the password that is told", async () => {
    const passwords = await openPasswords();
    for (const { email } of DEMO_SIGN_INS) {
      const { rows } = await db.withAuthenticator((client) =>
        client.query("select password_hash from app_private.find_credentials($1)", [email]),
      );
      expect(await passwords.verifyOrDummy(rows[0]?.password_hash, DEMO_PASSWORD)).toBe(true);
    }
    const { rows } = await db.owner.query(
      `select c.email from app_private.operators o join app_public.user_contacts c using (user_id)`,
    );
    expect(rows).toEqual([{ email: "operator@staybase.example" }]);
  });

  test("gives the guest a stay to look forward to and one to review, the host some of both", async () => {
    const { rows } = await db.owner.query(
      `select
         count(*) filter (where g.email like 'guest@%' and b.status = 'confirmed') > 0 as coming,
         count(*) filter (where g.email like 'guest@%' and b.status = 'completed'
           and not exists (select from app_public.reviews r where r.booking_id = b.id)) > 0 as to_review,
         count(*) filter (where h.email like 'host@%' and b.status = 'confirmed') > 0 as host_coming,
         count(*) filter (where h.email like 'host@%' and b.status = 'completed') > 0 as host_past
       from app_public.bookings b
       join app_public.user_contacts g on g.user_id = b.guest_id
       join app_public.user_contacts h on h.user_id = b.host_id`,
    );
    expect(rows).toEqual([{ coming: true, to_review: true, host_coming: true, host_past: true }]);
  });

  async function userId(email: string): Promise<string> {
    const { rows } = await db.owner.query<{ user_id: string }>(
      "select user_id from app_public.user_contacts where email = $1",
      [email],
    );
    return rows[0]?.user_id ?? "";
  }

  test("names an example that the guest can quote and book, and the host then sees", async () => {
    const { example } = await seedDemo(db.config);
    if (example === undefined) throw new Error("The demo has no example.");
    const [guest, host] = [
      await userId("guest@staybase.example"),
      await userId("host@staybase.example"),
    ];
    await db.scenario(async ({ asVisitor }) => {
      const booked = await asVisitor(guest, (client) =>
        client.query(
          `select b.id, b.status, b.total_amount
           from app_public.create_quote($1, $2, $3, $4) q
           cross join lateral app_public.create_booking(q.id, 'seed-test-key') b`,
          [example.listingId, example.checkIn, example.checkOut, example.guests],
        ),
      );
      const [booking] = booked.rows;
      expect(booking).toMatchObject({
        status: "pending_payment",
        total_amount: example.totalAmount,
      });
      // As the README asks for them: the newest first.
      const seen = await asVisitor(host, (client) =>
        client.query("select id, host_id from app_public.bookings order by id desc limit 5"),
      );
      expect(seen.rows[0]).toEqual({ id: booking.id, host_id: host });
    });
  });

  test("has the host's own places alone where the README books at once", async () => {
    const { rows } = await db.owner.query(
      `select distinct c.email
       from app_public.search_listings(
         -9.2, 38.69, -9.1, 38.76, current_date + 30, current_date + 33, 2, instant_only => true
       ) r
       join app_public.listings l on l.id = r.listing_id
       join app_public.user_contacts c on c.user_id = l.host_id`,
    );
    expect(rows).toEqual([{ email: "host@staybase.example" }]);
  });

  test("is the same in another database", async () => {
    const other = await openTestDatabase({ demo: true });
    try {
      expect(await readAll(other)).toEqual(await readAll(db));
    } finally {
      await other.dispose();
    }
  });

  test("stays out of production", async () => {
    await expect(seedDemo({ ...db.config, environment: "production" })).rejects.toMatchObject({
      name: "DatabaseCommandError",
    });
  });

  test.each([
    ["postgres://root@db.example.invalid/postgres"],
    ["postgres://root@localhost/postgres?host=db.example.invalid"],
  ])("stays off other machines, as %s, unless told", async (rootUrl) => {
    const distant = { ...db.config, database: { ...db.config.database, rootUrl } };
    await expect(seedDemo(distant)).rejects.toMatchObject({
      name: "DatabaseCommandError",
      message: expect.stringMatching(/on db\.example\.invalid, not on this machine.*--elsewhere/s),
    });
    const elsewhere = seedDemo(distant, { elsewhere: true });
    await expect(elsewhere).rejects.toMatchObject({
      message: expect.not.stringContaining("not on this machine"),
    });
  });
});
