/**
 * An account that is closed: no word of the person is left anywhere, but for what is argued for
 * here; money and the other side's history stay. The words are written into whatever can hold one,
 * by the catalog, so that a column which comes later is looked for as well.
 */
import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { withTransaction } from "../../../src/resources/postgres.ts";
import { textIn } from "../../../src/values.ts";
import { type TestDatabase, testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  become,
  hold,
  paidBooking,
  processOf,
  publishEvents,
  publishedListing,
  quoted,
  refusal,
  somebody,
  stopClock,
  text,
  untilBlocked,
  withRival,
} from "../../helpers/factories.ts";
import {
  asSuperuser,
  columnsWith,
  MARK,
  MARK_HEX,
  markEverything,
  rowsOf,
} from "../../helpers/marks.ts";

const database = testDatabase();
/** Marks bend the ledger, too. */
const markedDatabase = testDatabase();
const NOON = "2031-06-02T11:00:00Z";
const AFTER = "2031-06-20T11:00:00Z";
const CLOSE = "select app_private.close_account($1)";

beforeAll(async () => {
  await stopClock(database, NOON);
  await stopClock(markedDatabase, NOON);
});
afterEach(() => stopClock(database, NOON));

/** What stays, and why. */
const STAYS: Readonly<Record<string, readonly string[]>> = {
  "the other side reads it of the stay that they had": [
    "app_public.alterations.reason",
    "app_public.booking_events.reason",
    "app_public.bookings.status_reason",
    "app_public.cancellations.reason",
    "app_public.listings.city",
    "app_public.reviews.comment",
  ],
  "an operator or we say why money went back": [
    "app_public.refunds.reason",
    "app_public.refunds.resolution",
  ],
  "no person writes it: it is computed, or Stripe's name for money": [
    "app_hidden.listing_availability.currency",
    "app_hidden.listing_availability.time_zone",
    "app_private.stripe_events.object_id",
    "app_public.bookings.time_zone",
    "app_public.cancellation_line_items.code",
    "app_public.cancellation_line_items.rule",
    "app_public.ledger_transactions.external_fact",
    "app_public.ledger_transactions.written_by",
    "app_public.payments.failure_code",
    "app_public.payments.stripe_charge_id",
    "app_public.payments.stripe_customer_id",
    "app_public.payments.stripe_payment_intent_id",
    "app_public.quote_line_items.code",
    "app_public.quote_line_items.rule",
    "app_public.refunds.failure_code",
    "app_public.refunds.stripe_refund_id",
    "app_public.unknown_charges.failure_code",
    "app_public.unknown_charges.stripe_charge_id",
    "app_public.unknown_charges.stripe_payment_intent_id",
    "app_public.unknown_charges.stripe_refund_id",
  ],
};

interface Life {
  readonly db: TestDatabase;
  readonly person: string;
  readonly guest: string;
  readonly host: string;
  readonly operator: string;
  readonly email: string;
  readonly hosted: string;
  readonly stayed: string;
}

const emailOf = async (db: TestDatabase, userId: string): Promise<string> =>
  text(
    await asOwner(db, "select email::text from app_public.user_contacts where user_id = $1", [
      userId,
    ]),
    "email",
  );

/** Somebody who was host and guest, and has left a row wherever one can. */
async function life(db: TestDatabase): Promise<Life> {
  const [person, guest, host, operator] = await Promise.all([
    somebody(db, "Pia"),
    somebody(db, "Gero"),
    somebody(db, "Hanna"),
    somebody(db, "Olga"),
  ]);
  await asOwner(db, "insert into app_private.operators (user_id) values ($1)", [operator]);
  const own = await publishedListing(db, person);
  const other = await publishedListing(db, host);
  const hosted = await paidBooking(db, guest, own);
  const stayed = await paidBooking(db, person, other);
  await asVisitor(
    db,
    person,
    "select app_public.block_nights($1, '2031-09-01', '2031-09-03', 'Painting')",
    [own],
  );
  const left = await paidBooking(db, person, other, ["2031-08-01", "2031-08-03"]);
  await asVisitor(
    db,
    person,
    "select app_public.propose_alteration($1, 'alter-it', '2031-08-01', '2031-08-04', 1)",
    [left],
  );
  await asVisitor(db, person, "select app_public.cancel_booking($1, 'cancel-it', 'Ill.')", [left]);
  await asOwner(
    db,
    `select app_private.apply_refund(r.id, 're_' || r.id, 'succeeded', p.stripe_payment_intent_id,
       r.amount, r.currency)
     from app_public.refunds r join app_public.payments p on p.id = r.payment_id
     where p.booking_id = $1`,
    [left],
  );
  await quoted(db, person, other, ["2031-10-01", "2031-10-03"]);
  const email = await emailOf(db, person);
  await furnish(db, person, email);
  await asOwner(
    db,
    `insert into app_private.imported_listings (source, external_id, listing_id, content_hash)
     values ('elsewhere', '8', $1, 'hash')`,
    [own],
  );
  await stopClock(db, AFTER);
  await asServer(db, "select app_private.complete_stays()");
  await asVisitor(db, person, "select app_public.submit_review($1, 5, 'Lovely.')", [stayed]);
  await asVisitor(db, guest, "select app_public.submit_review($1, 5, 'Fine.')", [hosted]);
  await publishEvents(db);
  return { db, person, guest, host, operator, email, hosted, stayed };
}

/** What an account has beside its stays. */
async function furnish(db: TestDatabase, person: string, email: string): Promise<void> {
  const rows = [
    "insert into app_private.second_factors values ($1, decode(repeat('00', 64), 'hex'), now(), now())",
    "insert into app_private.recovery_codes (user_id, code_hash) values ($1, sha256('2'))",
    "insert into app_private.user_quotas values ($1, 'holds', 9)",
    "insert into app_private.stripe_customers (user_id, stripe_customer_id) values ($1, 'cus_1')",
    "insert into app_private.identities (issuer, subject, user_id) values ('i', 's', $1)",
    `insert into app_private.imported_hosts (source, external_id, user_id)
     values ('elsewhere', '7', $1)`,
    "update app_public.users set avatar_url = 'https://a.example/1', location = 'L' where id = $1",
    "select app_private.start_session($1, sha256('3'), 'Firefox', '30 days', '192.0.2.7')",
    // Sessions of the person have no such reason, so the column cannot be marked as a whole.
    `select app_private.start_impersonation(o.user_id, $1, '${MARK}', '192.0.2.8', '1 minute')
     from app_private.operators o limit 1`,
    "insert into app_public.suspensions (user_id, reason) values ($1, 'A letter.')",
    "select app_private.request_email_change($1, 'new@example.com')",
    `with export as (
       insert into app_private.data_exports (user_id, token_hash) values ($1, sha256('5'))
       returning id
     )
     insert into app_private.data_export_parts (export_id, position, content)
     select id, 0, '' from export`,
    "select app_hidden.tell_account($1, 'password_changed', 'old@example.com')",
    `select app_private.begin_idempotent_request(
       $1, 'some-key', 'createPayment', sha256('4'))`,
  ];
  for (const row of rows) await asOwner(db, row, [person]);
  await asOwner(
    db,
    `insert into app_private.oidc_proofs (
       code_hash, code_challenge, issuer, subject, email, email_verified, display_name
     )
     values (sha256('1'), repeat('c', 43), 'other', 'other', $1, true, 'Pia')`,
    [email],
  );
  await asServer(db, "select app_private.register($1, 'Pia', '$argon2id$v=19$x')", [email]);
  await asServer(db, "select app_private.request_password_reset($1)", [email]);
  await asServer(db, "select app_private.audit_failed_sign_in($1, 'curl')", [email]);
}

/** Marks a life, and lets Stripe say a word of it. */
async function marked({ db, person, stayed }: Life): Promise<string[]> {
  await asOwner(
    db,
    "select app_private.record_unknown_charge('pi_u', 'ch_u', 100, 'EUR', null, $1)",
    [stayed],
  );
  await asOwner(
    db,
    `update app_public.unknown_charges
     set status = 'succeeded', stripe_refund_id = 're_u', failure_code = 'none'`,
  );
  const columns = await markEverything(db, person, [
    "app_private.registrations",
    "app_private.one_time_tokens",
    "app_private.oidc_proofs",
  ]);
  await asOwner(
    db,
    `select app_private.store_stripe_event(
       'evt_1', 'payment_intent.succeeded', p.stripe_payment_intent_id, $2),
       app_private.mark_stripe_event_processed('evt_1')
     from app_public.payments p where p.booking_id = $1`,
    [stayed, JSON.stringify({ name: MARK })],
  );
  return columns;
}

/** Of these no row of the person is left. */
const GONE = [
  "app_private.account_notices",
  "app_private.data_export_parts",
  "app_private.data_exports",
  "app_private.idempotency_keys",
  "app_private.identities",
  "app_private.imported_hosts",
  "app_private.imported_listings",
  "app_private.mails",
  "app_private.one_time_tokens",
  "app_private.public_places",
  "app_private.recovery_codes",
  "app_private.refresh_tokens",
  "app_private.second_factors",
  "app_private.stripe_customers",
  "app_private.user_quotas",
  "app_private.user_secrets",
  "app_public.listing_addresses",
  "app_public.listing_photos",
  "app_public.user_contacts",
];

/** What is left of other tables is no such row. */
const NO_ROWS = {
  "a session that goes on":
    "select from app_private.sessions where user_id = $1 and ended_at is null",
  "an offer": `select from app_public.quotes q where q.guest_id = $1
    and not exists (select from app_public.bookings b where b.quote_id = q.id)
    and not exists (select from app_public.alterations a where a.quote_id = q.id)`,
  "a block": `select from app_public.calendar_claims c
    join app_public.listings l on l.id = c.listing_id
    where l.host_id = $1 and c.booking_id is null`,
};

/** What to find nowhere: the words, and the address that they had at first. */
const words = ({ email }: Life): string[] => [MARK, MARK_HEX, email, "192.0.2.7"];

/** Erases somebody with what the jobs do, and says what is left; nothing of it is kept. */
async function leftAfter(
  lived: Life,
  conditions: ReadonlyMap<string, string>,
  change?: string,
): Promise<string[]> {
  return asSuperuser(lived.db, async (client) => {
    await client.query("begin");
    try {
      if (change !== undefined) await client.query(change);
      await client.query("select set_config('staybase.user_id', $1, true)", [lived.operator]);
      await client.query("select app_public.erase_user($1, 'A letter.')", [lived.person]);
      await client.query(
        `select app_private.end_notice(n.id) from app_private.account_notices n
         where n.user_id = $1`,
        [lived.person],
      );
      if (change === undefined) {
        await client.query("select app_private.finish_erasure($1)", [lived.person]);
      }
      await client.query("select app_private.forget_stripe_customer($1)", [lived.person]);
      const left = await columnsWith(client, words(lived));
      for (const table of GONE) {
        const all = conditions.get(table) ?? "";
        // A mail about a stay may be the other side's.
        const own = /user_id in \([^)]*\)/.exec(all)?.[0] ?? all;
        const rows = await client.query(`select from ${table} where ${own}`);
        if (rows.rowCount !== 0) left.push(table);
      }
      for (const [what, rows] of Object.entries(NO_ROWS)) {
        if ((await client.query(rows, [lived.person])).rowCount !== 0) left.push(what);
      }
      return left;
    } finally {
      await client.query("rollback");
    }
  });
}

const ERASERS = ["erase_data", "erase_host", "erase_guest", "erase_sign_in"];

/** Every statement of the functions that erase, and the functions without it. */
async function withoutOneStatement(db: TestDatabase): Promise<Map<string, string>> {
  const found = await asOwner(
    db,
    `select p.proname::text as name, p.prosrc as source, pg_get_functiondef(p.oid) as definition
     from pg_proc p
     where p.pronamespace = 'app_hidden'::regnamespace and p.proname = any ($1)`,
    [ERASERS],
  );
  return new Map(
    found.flatMap(({ name, source, definition }) =>
      [...String(source).matchAll(/^ {2}(delete|update|perform) [^;]*;/gm)].map(
        ([statement]): [string, string] => [
          `${name}:${statement.replaceAll(/\s+/g, " ")}`,
          // A function stands in for another text, so that `$` means nothing.
          String(definition).replace(statement, () => ""),
        ],
      ),
    ),
  );
}

describe("an erased person", () => {
  let lived: Life;
  let conditions: ReadonlyMap<string, string>;
  let columns: string[];

  beforeAll(async () => {
    lived = await life(markedDatabase);
    conditions = await rowsOf(markedDatabase, lived.person);
    columns = await marked(lived);
  });

  test("is in no word of any table, but for what is argued for", async () => {
    expect(columns.length).toBeGreaterThan(60);
    for (const table of GONE) expect([table, conditions.has(table)]).toEqual([table, true]);
    expect(await leftAfter(lived, conditions)).toEqual(Object.values(STAYS).flat().sort());
  });

  test("would be found out without any one of the statements (negative control)", async () => {
    const mutants = await withoutOneStatement(database);
    expect(mutants.size).toBeGreaterThan(20);
    const stays = Object.values(STAYS).flat();
    const missed: string[] = [];
    const refused: string[] = [];
    for (const [statement, mutant] of mutants) {
      const left = await leftAfter(lived, conditions, mutant).catch(() => undefined);
      if (left === undefined) refused.push(statement.slice(0, 40));
      else if (left.every((each) => stays.includes(each))) missed.push(statement.slice(0, 60));
    }
    expect(missed).toEqual([]);
    // A published listing keeps a photo.
    expect(refused).toEqual(["erase_host: update app_public.listings l"]);
  });
});

/** The codes of what is in the way, as the refusal of closing an account lists them. */
async function inTheWay(attempt: Promise<unknown>): Promise<unknown> {
  try {
    await attempt;
  } catch (error) {
    // ACCOUNT_IN_USE, SBI30
    if (textIn(error, "code") === "SBI30") return JSON.parse(textIn(error, "detail") ?? "");
    throw error;
  }
  return "nothing";
}

describe("closing an account", () => {
  const close = (userId: string): Promise<unknown> => asServer(database, CLOSE, [userId]);

  test("waits for bookings, refunds and earnings, on either side", async () => {
    const [host, guest] = [await somebody(database), await somebody(database)];
    const listing = await publishedListing(database, host);
    await hold(database, guest, listing);
    expect(await inTheWay(close(guest))).toEqual(["BOOKINGS"]);
    expect(await inTheWay(close(host))).toEqual(["BOOKINGS"]);
    const booking = await paidBooking(database, guest, listing, ["2031-07-01", "2031-07-03"]);
    expect(await inTheWay(close(host))).toEqual(["BOOKINGS", "EARNINGS"]);
    await asVisitor(database, guest, "select app_public.cancel_booking($1, $2)", [
      booking,
      `cancel-${booking}`,
    ]);
    await stopClock(database, AFTER);
    await asServer(database, "select app_private.expire_holds()");
    expect(await inTheWay(close(guest))).toEqual(["REFUNDS"]);
    await asOwner(
      database,
      `select app_private.apply_refund(r.id, 're_' || r.id, 'failed', p.stripe_payment_intent_id,
         r.amount, r.currency, 'lost_or_stolen_card')
       from app_public.refunds r join app_public.payments p on p.id = r.payment_id
       where p.booking_id = $1`,
      [booking],
    );
    expect(await inTheWay(close(guest))).toEqual(["REFUNDS"]);
    expect(await inTheWay(close(host))).toBe("nothing");
  });

  test("is for no operator, who is revoked first", async () => {
    const operator = await somebody(database);
    await asOwner(database, "insert into app_private.operators (user_id) values ($1)", [operator]);
    expect(await inTheWay(close(operator))).toEqual(["OPERATOR"]);
    await asOwner(database, "delete from app_private.operators where user_id = $1", [operator]);
    expect(await inTheWay(close(operator))).toBe("nothing");
  });

  test("leaves ledger, search and calendar whole, and the other side's history", async () => {
    const { person, guest, host, operator, hosted, stayed } = await life(database);
    await eraseAs(operator, person);
    for (const drift of ["ledger_drift", "search_drift", "calendar_drift", "pricing_drift"]) {
      const found = await asServer(database, `select * from app_private.${drift}()`);
      expect([drift, found]).toEqual([drift, []]);
    }
    const seen = `select u.display_name::text as name, l.title::text as title, l.city::text as city
      from app_public.bookings b
      join app_public.users u on u.id = case when b.guest_id = $2 then b.host_id else b.guest_id end
      join app_public.listings l on l.id = b.listing_id
      where b.id = $1`;
    expect(await asVisitor(database, guest, seen, [hosted, guest])).toEqual([
      { name: "Former member", title: "Former listing", city: "Lisboa" },
    ]);
    expect(await asVisitor(database, host, seen, [stayed, host])).toEqual([
      { name: "Former member", title: "A quiet flat", city: "Lisboa" },
    ]);
    const review = await asVisitor(
      database,
      host,
      "select comment from app_public.reviews where booking_id = $1",
      [stayed],
    );
    expect(review).toEqual([{ comment: "Lovely." }]);
    // Twice is once: nobody is told again, and no second record is made.
    await eraseAs(operator, person);
    const notices = await asOwner(
      database,
      "select kind from app_private.account_notices where user_id = $1 and kind = 'account_closed'",
      [person],
    );
    expect(notices).toHaveLength(1);
  });

  test("ends sessions so that servers hear of it, and keeps no network", async () => {
    const person = await somebody(database);
    await asServer(
      database,
      "select app_private.start_session($1, sha256('9'), 'Firefox', '1 day', '192.0.2.9')",
      [person],
    );
    const listener = await database.owner.connect();
    const heard: (string | undefined)[] = [];
    listener.on("notification", ({ payload }) => heard.push(payload));
    await listener.query("listen staybase_changes");
    await close(person);
    await listener.query("select 1");
    await listener.query("unlisten staybase_changes");
    listener.release();
    const sessions = await asOwner(
      database,
      `select id::text as id, network, user_agent, ended_at is not null as has_ended
       from app_private.sessions where user_id = $1`,
      [person],
    );
    expect(sessions).toEqual([
      { id: expect.any(String), network: "", user_agent: "", has_ended: true },
    ]);
    expect(heard).toContain(`session:${sessions[0]?.id}`);
    expect(heard).toContain(`user:${person}`);
  });
});

/** As the operator, and kept. */
async function eraseAs(operator: string, person: string): Promise<void> {
  const role = database.config.database.operator;
  await withTransaction(database.pool, { role, claims: { userId: operator } }, (client) =>
    client.query("select app_public.erase_user($1, 'A letter.')", [person]),
  );
}

describe("a booking that begins while an account closes", () => {
  test("of a host's listing waits, and is refused", async () => {
    const [host, guest] = [await somebody(database), await somebody(database)];
    const listing = await publishedListing(database, host);
    const quote = await quoted(database, guest, listing);
    await withRival(database, async (closing, booking) => {
      const pid = await processOf(booking);
      await closing.query(CLOSE, [host]);
      await become(database, booking, guest);
      const attempt = refusal(
        booking.query("select app_public.create_booking($1, 'while-closing')", [quote]),
      );
      await untilBlocked(database, pid);
      await closing.query("commit");
      expect(await attempt).toBe("SBL01");
    });
  });

  test.each(["host", "guest"])("was faster, and the account of the %s stays open", async (side) => {
    const [host, guest] = [await somebody(database), await somebody(database)];
    const quote = await quoted(database, guest, await publishedListing(database, host));
    await withRival(database, async (closing, booking) => {
      const pid = await processOf(closing);
      await become(database, booking, guest);
      await booking.query("select app_public.create_booking($1, 'was-faster')", [quote]);
      const attempt = inTheWay(closing.query(CLOSE, [side === "host" ? host : guest]));
      await untilBlocked(database, pid);
      await booking.query("commit");
      expect(await attempt).toEqual(["BOOKINGS"]);
    });
  });

  test("of the person's own quote finds it gone", async () => {
    const [host, guest] = [await somebody(database), await somebody(database)];
    const quote = await quoted(database, guest, await publishedListing(database, host));
    await withRival(database, async (closing, booking) => {
      const pid = await processOf(booking);
      await closing.query(CLOSE, [guest]);
      await become(database, booking, guest);
      const attempt = refusal(
        booking.query("select app_public.create_booking($1, 'while-closing')", [quote]),
      );
      await untilBlocked(database, pid);
      await closing.query("commit");
      expect(await attempt).toBe("SBP01");
    });
  });
});
