/**
 * Makes what a test of the SQL is about, through the functions that clients and the server call: people,
 * listings, quotes, bookings, payments. What is made is committed and belongs to nobody else, so
 * tests of one file do not meet. Nothing here asserts anything.
 */
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { withTransaction } from "../../src/resources/postgres.ts";
import type { TestDatabase } from "./database.ts";

export { stopClock } from "./clock.ts";

/** The instant at which tests begin that stop the clock: a Monday, noon in Lisbon and UTC+1. */
export const NOON = "2031-06-02T11:00:00Z";

export type Row = Readonly<Record<string, unknown>>;

/** A statement as somebody who is signed in, or as nobody; what it does is committed. */
export async function asVisitor(
  database: TestDatabase,
  userId: string | null,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return database.commitAsVisitor(userId, async (client) => {
    const { rows } = await client.query<Row>(text, values);
    return rows;
  });
}

/** A statement as the server itself, with the claims of who is signed in where it has some. */
export async function asServer(
  database: TestDatabase,
  text: string,
  values: unknown[] = [],
  userId?: string,
): Promise<Row[]> {
  return withTransaction(database.pool, { claims: { userId } }, async (client) => {
    const { rows } = await client.query<Row>(text, values);
    return rows;
  });
}

/** A statement as the owner of everything; what it does is committed. */
export async function asOwner(
  database: TestDatabase,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const { rows } = await database.owner.query<Row>(text, values);
  return rows;
}

/** Several statements of the owner in one transaction, which is committed. */
export async function ownerTransaction<T>(
  database: TestDatabase,
  fn: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await database.owner.connect();
  try {
    await client.query("begin");
    const result = await fn(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

/** The one row of an answer. */
export function one(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined || rows.length !== 1) throw new Error(`${rows.length} rows, not one`);
  return row;
}

/** A column that is text in the one row of an answer. */
export function text(rows: readonly Row[], column: string): string {
  const found = one(rows)[column];
  if (typeof found !== "string") throw new Error(`${column} is no text: ${String(found)}`);
  return found;
}

/**
 * Somebody with a verified address; returns their id. It is one transaction, so that a worker that
 * runs does not write to the address and make the test's link useless.
 */
export async function somebody(database: TestDatabase, name = "Sam"): Promise<string> {
  const email = `${randomUUID()}@example.com`;
  const rows = await ownerTransaction(database, async (client) => {
    await client.query("select app_private.register($1, $2, $3)", [
      email,
      name,
      "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
    ]);
    const hash = "sha256(convert_to($1, 'UTF8'))";
    await client.query(
      `select app_private.set_registration_token(id, ${hash})
       from app_private.registrations where email = $1`,
      [email],
    );
    const made = await client.query<Row>(`select app_private.confirm_registration(${hash}) as id`, [
      email,
    ]);
    return made.rows;
  });
  return text(rows, "id");
}

export interface ListingOptions {
  readonly units?: number;
  readonly maxGuests?: number;
  readonly minNights?: number;
  readonly maxNights?: number;
  readonly preparationDays?: number;
  readonly advanceNoticeHours?: number;
  readonly bookingWindowDays?: number;
  readonly bookingMode?: "instant" | "request";
  readonly timeZone?: string;
  readonly longitude?: number;
  readonly latitude?: number;
  readonly currency?: string;
  /** Minor units, as all amounts. */
  readonly nightlyAmount?: number;
  readonly weekendNightlyAmount?: number;
  readonly cleaningFeeAmount?: number;
  readonly extraGuestFeeAmount?: number;
  readonly guestsIncluded?: number;
  readonly petFeeAmount?: number;
  /** What it says of children, infants and pets; pets are allowed where their number is given. */
  readonly welcomesChildren?: boolean;
  readonly maxInfants?: number;
  readonly maxPets?: number;
}

/** A listing that has only what a listing must have; returns its id. */
export async function draft(
  database: TestDatabase,
  hostId: string,
  options: ListingOptions = {},
): Promise<string> {
  return text(
    await asVisitor(
      database,
      hostId,
      `insert into app_public.listings (
         title, description, house_rules, unit_count, max_guests, min_nights, max_nights,
         preparation_days, advance_notice_hours, booking_window_days, booking_mode,
         welcomes_children, max_infants, max_pets
       )
       values ('A quiet flat', 'A quiet flat under the roof, with a view.', 'No parties.',
         $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       returning id`,
      [
        options.units ?? 1,
        options.maxGuests ?? 4,
        options.minNights ?? 1,
        options.maxNights ?? 365,
        options.preparationDays ?? 0,
        options.advanceNoticeHours ?? 0,
        options.bookingWindowDays ?? 365,
        options.bookingMode ?? "instant",
        options.welcomesChildren ?? true,
        options.maxInfants ?? 5,
        options.maxPets ?? 5,
      ],
    ),
    "id",
  );
}

/** A draft with everything that publishing asks for; returns its id. */
export async function completeListing(
  database: TestDatabase,
  hostId: string,
  options: ListingOptions = {},
): Promise<string> {
  const id = await draft(database, hostId, options);
  await asVisitor(
    database,
    hostId,
    `select app_public.set_listing_address(
       $1, 'Rua Augusta 1', 'Lisboa', 'PT', $2, $3, $4, '1100-048', 'Lisboa', 'Ring twice.')`,
    [
      id,
      options.timeZone ?? "Europe/Lisbon",
      options.longitude ?? -9.1365,
      options.latitude ?? 38.7077,
    ],
  );
  await asVisitor(
    database,
    hostId,
    "insert into app_public.listing_photos (listing_id, url) values ($1, 'https://example.com/1')",
    [id],
  );
  await asVisitor(
    database,
    hostId,
    "select app_public.set_listing_rates($1, $2, $3, $4, $5, $6, $7, $8)",
    [
      id,
      options.currency ?? "EUR",
      options.nightlyAmount ?? 10_000,
      options.weekendNightlyAmount ?? null,
      options.cleaningFeeAmount ?? 0,
      options.extraGuestFeeAmount ?? 0,
      options.guestsIncluded ?? 1,
      options.petFeeAmount ?? 0,
    ],
  );
  if (options.maxPets !== undefined) {
    await asVisitor(
      database,
      hostId,
      "select app_public.set_listing_amenities($1, '{pets_allowed}')",
      [id],
    );
  }
  return id;
}

/** A listing that everybody sees; returns its id. */
export async function publishedListing(
  database: TestDatabase,
  hostId: string,
  options: ListingOptions = {},
): Promise<string> {
  const id = await completeListing(database, hostId, options);
  await asVisitor(database, hostId, "select app_public.publish_listing($1)", [id]);
  return id;
}

/** Local dates of a stay, `[from, to)`. */
export type Stay = readonly [checkIn: string, checkOut: string];

/** The stay that tests take which do not care: four nights from a Tuesday on. */
export const STAY: Stay = ["2031-06-10", "2031-06-14"];

/** Who comes with the adults. */
export interface Companions {
  /** Of the guests. */
  readonly children?: number;
  readonly infants?: number;
  readonly pets?: number;
}

/** A stored quote; returns its id. */
export async function quoted(
  database: TestDatabase,
  guestId: string,
  listingId: string,
  stay: Stay = STAY,
  guests = 1,
  { children = 0, infants = 0, pets = 0 }: Companions = {},
): Promise<string> {
  return text(
    await asVisitor(
      database,
      guestId,
      "select id from app_public.create_quote($1, $2, $3, $4, $5, $6, $7)",
      [listingId, ...stay, guests, children, infants, pets],
    ),
    "id",
  );
}

/** Books a quote; returns the booking's id. */
export async function book(
  database: TestDatabase,
  guestId: string,
  quoteId: string,
  key = `key-${quoteId}`,
): Promise<string> {
  return text(
    await asVisitor(database, guestId, "select id from app_public.create_booking($1, $2)", [
      quoteId,
      key,
    ]),
    "id",
  );
}

/** A booking that waits for payment; returns its id. */
export async function hold(
  database: TestDatabase,
  guestId: string,
  listingId: string,
  stay: Stay = STAY,
): Promise<string> {
  return book(database, guestId, await quoted(database, guestId, listingId, stay));
}

export interface Payment {
  readonly id: string;
  readonly bookingId: string;
  /** Minor units. */
  readonly amount: number;
  readonly currency: string;
  readonly intentId: string;
  readonly chargeId: string;
}

/** A payment that Stripe knows, by an id of its own or a made-up one, and nobody has paid yet. */
export async function begunPayment(
  database: TestDatabase,
  guestId: string,
  bookingId: string,
  knownIntentId?: string,
): Promise<Payment> {
  const begun = await asServer(
    database,
    "select id, amount::text as amount, currency from app_private.begin_payment($1)",
    [bookingId],
    guestId,
  );
  const id = text(begun, "id");
  const intentId = knownIntentId ?? `pi_${id}`;
  await asServer(database, "select app_private.attach_payment_intent($1, $2)", [id, intentId]);
  const amount = Number(text(begun, "amount"));
  const currency = text(begun, "currency");
  return { id, bookingId, amount, currency, intentId, chargeId: `ch_${id}` };
}

/** What the job does that has fetched an intent from Stripe; returns what came of it. */
export async function follow(
  database: TestDatabase,
  payment: Payment,
  status: string,
  changes: {
    readonly received?: number | null;
    readonly failure?: string;
    readonly authorisedUntil?: string;
  } = {},
): Promise<string> {
  const isPaid = status === "succeeded";
  const received = changes.received === undefined ? payment.amount : changes.received;
  return text(
    await asServer(
      database,
      `select app_private.apply_payment_intent($1, $2, $3, $4, $5, $6, $7, $8, $9) as outcome`,
      [
        payment.intentId,
        payment.id,
        status,
        isPaid ? received : 0,
        isPaid ? payment.chargeId : null,
        changes.failure ?? null,
        payment.amount,
        payment.currency,
        changes.authorisedUntil ?? null,
      ],
    ),
    "outcome",
  );
}

/** What the job does that has fetched a refund of ours from Stripe; returns what came of it. */
export async function followRefund(
  database: TestDatabase,
  refundId: string,
  status: string,
  stripeRefundId = `re_${refundId}`,
): Promise<string> {
  return text(
    await asOwner(
      database,
      `select app_private.apply_refund(r.id, $2, $3, p.stripe_payment_intent_id, r.amount,
         r.currency, case $3 when 'failed' then 'lost_or_stolen_card' end) as outcome
       from app_public.refunds r join app_public.payments p on p.id = r.payment_id
       where r.id = $1`,
      [refundId, stripeRefundId, status],
    ),
    "outcome",
  );
}

/** Pays a booking that waits for it. */
export async function pay(
  database: TestDatabase,
  guestId: string,
  bookingId: string,
): Promise<Payment> {
  const payment = await begunPayment(database, guestId, bookingId);
  await follow(database, payment, "succeeded");
  return payment;
}

/** A booking that is paid and confirmed; returns its id. */
export async function paidBooking(
  database: TestDatabase,
  guestId: string,
  listingId: string,
  stay: Stay = STAY,
): Promise<string> {
  const booking = await hold(database, guestId, listingId, stay);
  await pay(database, guestId, booking);
  return booking;
}

/** What the job does that puts events in order and lets the mails read them. */
export async function publishEvents(database: TestDatabase): Promise<void> {
  await asServer(database, "select app_private.publish_events()");
  await asServer(database, "select app_private.queue_mails()");
}

/** The status of a booking, as the owner sees it. */
export async function bookingStatus(database: TestDatabase, bookingId: string): Promise<string> {
  const found = await asOwner(
    database,
    "select status::text as status from app_public.bookings where id = $1",
    [bookingId],
  );
  return text(found, "status");
}

/** The SQLSTATE with which something is refused. */
export async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
  return "it was not refused";
}

/** Two connections of the server, each in a transaction of its own that the test ends. */
export async function withRival<T>(
  database: TestDatabase,
  fn: (first: pg.PoolClient, second: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const [first, second] = [await database.pool.connect(), await database.pool.connect()];
  try {
    await first.query("begin");
    await second.query("begin");
    return await fn(first, second);
  } finally {
    for (const client of [first, second]) {
      await client.query("rollback").catch(() => {});
      client.release();
    }
  }
}

/** Makes the rest of a connection's transaction somebody's. */
export async function become(
  database: TestDatabase,
  client: pg.PoolClient,
  userId: string,
): Promise<void> {
  await client.query(
    "select set_config('role', $1, true), set_config('staybase.user_id', $2, true)",
    [database.config.database.visitor, userId],
  );
}

/** The number of a connection's server process. */
export async function processOf(client: pg.PoolClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const [row] = rows;
  if (row === undefined) throw new Error("The connection has no process.");
  return row.pid;
}

/** Waits until a connection waits for a lock; fails after ten seconds. */
export async function untilBlocked(database: TestDatabase, pid: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await asOwner(
      database,
      "select 1 from pg_locks l where l.pid = $1 and not l.granted limit 1",
      [pid],
    );
    if (found.length > 0) return;
    if (Date.now() > deadline) throw new Error("The connection waits for nobody.");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
