/** The ledger: balanced (M1), never changed (M2), each fact once (M3), and true to what was charged (M4). */
import { beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { openTestDatabase, type TestDatabase, testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  NOON,
  ownerTransaction,
  paidBooking,
  publishedListing,
  refusal,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;
let booking: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  booking = await paidBooking(database, guest, await publishedListing(database, host));
});

const drift = (of: TestDatabase) => asServer(of, "select * from app_private.ledger_drift()");

/** Writes a transaction with the given amounts on the balance at Stripe, as whoever sits at psql could. */
const post = (on: TestDatabase, fact: string, amounts: number[]) =>
  ownerTransaction(on, async (client) => {
    await client.query(
      `with written as (
         insert into app_public.ledger_transactions (external_fact, kind, booking_id)
         values ($1, 'unknown_charge', null) returning id
       )
       insert into app_public.ledger_entries (transaction_id, account_id, currency, amount)
       select w.id, a.id, a.currency, amount
       from written w, app_public.ledger_accounts a, unnest($2::bigint[]) amount
       where a.kind = 'stripe_balance' and a.currency = 'EUR'`,
      [fact, amounts],
    );
  });

test("a charge is split between host and platform, to the minor unit (M4)", async () => {
  const entries = await asOwner(
    database,
    `select a.kind::text as kind, a.user_id, e.amount::integer as amount
     from app_public.ledger_transactions t
     join app_public.ledger_entries e on e.transaction_id = t.id
     join app_public.ledger_accounts a on a.id = e.account_id
     where t.booking_id = $1 order by e.amount desc`,
    [booking],
  );
  expect(entries).toEqual([
    { kind: "stripe_balance", user_id: null, amount: 44_800 },
    { kind: "platform_revenue", user_id: null, amount: -6000 },
    { kind: "host_payable", user_id: host, amount: -38_800 },
  ]);
  expect(await drift(database)).toEqual([]);
});

test("what does not sum to zero is not committed, psql included (M1)", async () => {
  expect(await refusal(post(database, "one sided", [100]))).toBe("SBM02");
  expect(await refusal(post(database, "a cent off", [100, -99]))).toBe("SBM02");
  expect(await refusal(post(database, "nothing at all", []))).toBe("SBM02");
  await expect(post(database, "balanced", [100, -60, -40])).resolves.toBeUndefined();
  const later = asOwner(
    database,
    `insert into app_public.ledger_entries (transaction_id, account_id, currency, amount)
     select e.transaction_id, e.account_id, e.currency, 1 from app_public.ledger_entries e limit 1`,
  );
  expect(await refusal(later)).toBe("SBM02");
});

test("an entry is in the currency of its account, and not nothing", async () => {
  const write = (currency: string, amount: number) =>
    asOwner(
      database,
      `with written as (
         insert into app_public.ledger_transactions (external_fact, kind)
         values ('odd', 'unknown_charge') returning id
       )
       insert into app_public.ledger_entries (transaction_id, account_id, currency, amount)
       select w.id, a.id, $1, $2 from written w, app_public.ledger_accounts a
       where a.kind = 'stripe_balance' and a.currency = 'EUR'`,
      [currency, amount],
    );
  expect(await refusal(write("USD", 1))).toBe("23503");
  expect(await refusal(write("EUR", 0))).toBe("23514");
});

test("nothing of it is changed, deleted or truncated, by no role (M2)", async () => {
  const statements = [
    "update app_public.ledger_entries set amount = amount + 1",
    "delete from app_public.ledger_entries",
    "truncate app_public.ledger_entries",
    "update app_public.ledger_transactions set kind = 'refund'",
    "delete from app_public.ledger_transactions",
    "truncate app_public.ledger_transactions cascade",
  ];
  for (const statement of statements) {
    expect(await refusal(asOwner(database, statement))).toBe("SBG05");
    for (const act of [
      asVisitor(database, host, statement),
      database.withOperator(host, (client) => client.query(statement)),
      asServer(database, statement),
    ]) {
      expect(await refusal(act)).toBe("42501");
    }
  }
  // Entries would be somebody else's if their account were.
  const account = asOwner(
    database,
    "update app_public.ledger_accounts set user_id = $1 where user_id = $2",
    [guest, host],
  );
  expect(await refusal(account)).toBe("SBG05");
});

test("a fact is written once (M3)", async () => {
  const POST = `select app_hidden.post_ledger($1, 'unknown_charge', null, array[
    row('stripe_balance', null, 'EUR', 5), row('platform_revenue', null, 'EUR', -5)
  ]::app_hidden.ledger_posting[]) as written`;
  expect(await asOwner(database, POST, ["charge:ch_once"])).toEqual([{ written: true }]);
  expect(await asOwner(database, POST, ["charge:ch_once"])).toEqual([{ written: false }]);
  expect(await refusal(post(database, "charge:ch_once", [1, -1]))).toBe("23505");
  const entries = await asOwner(
    database,
    `select e.id from app_public.ledger_entries e
     join app_public.ledger_transactions t on t.id = e.transaction_id
     where t.external_fact = 'charge:ch_once'`,
  );
  expect(entries).toHaveLength(2);
});

test("new accounts are made in one order, whatever the order of postings", async () => {
  const POST = `select app_hidden.post_ledger($1, 'unknown_charge', null, array[
    row($3, null, $2, 5), row($4, null, $2, -5)
  ]::app_hidden.ledger_posting[])`;
  const KINDS = `select kind::text from app_public.ledger_accounts where currency = $1 order by id`;
  for (const [currency, ...kinds] of [
    ["NOK", "stripe_balance", "guest_payable"],
    ["SEK", "guest_payable", "stripe_balance"],
  ]) {
    await asOwner(database, POST, [`charge:${currency}`, currency, ...kinds]);
    expect(await asOwner(database, KINDS, [currency])).toEqual([
      { kind: "stripe_balance" },
      { kind: "guest_payable" },
    ]);
  }
});

test("a host sees their own account and nobody else's", async () => {
  const rival = await somebody(database);
  await paidBooking(database, guest, await publishedListing(database, rival));
  const AMOUNTS = "select amount::integer as amount from app_public.ledger_entries order by amount";
  const KINDS = "select kind from app_public.ledger_transactions";
  const OWNERS = "select user_id from app_public.ledger_accounts";
  for (const who of [host, rival]) {
    expect(await asVisitor(database, who, AMOUNTS)).toEqual([{ amount: -38_800 }]);
    expect(await asVisitor(database, who, KINDS)).toEqual([{ kind: "charge" }]);
    expect(await asVisitor(database, who, OWNERS)).toEqual([{ user_id: who }]);
  }
  for (const statement of [AMOUNTS, KINDS, OWNERS]) {
    expect(await asVisitor(database, guest, statement)).toEqual([]);
    expect(await asVisitor(database, null, statement)).toEqual([]);
    expect((await asOwner(database, statement)).length).toBeGreaterThan(1);
  }
});

test("without its guards the ledger can be bent, and the check finds it (negative control)", async () => {
  const bare = await openTestDatabase();
  try {
    await stopClock(bare, NOON);
    const [seller, buyer] = [await somebody(bare), await somebody(bare)];
    const stay = await paidBooking(bare, buyer, await publishedListing(bare, seller));
    expect(await drift(bare)).toEqual([]);
    const bend = "update app_public.ledger_entries set amount = amount + 1 where amount > 0";
    expect(await refusal(asOwner(bare, bend))).toBe("SBG05");
    await ownerTransaction(bare, async (client) => {
      await client.query("drop trigger _100_immutable on app_public.ledger_entries");
      await client.query("drop trigger _900_balanced on app_public.ledger_entries");
      await client.query("drop trigger _900_balanced on app_public.ledger_transactions");
      await client.query(
        `alter table app_public.ledger_transactions
         drop constraint ledger_transactions_external_fact_key`,
      );
    });
    expect(await refusal(asOwner(bare, bend))).toBe("it was not refused");
    expect(await refusal(post(bare, "one sided", [100]))).toBe("it was not refused");
    expect(await refusal(post(bare, "one sided", [-100]))).toBe("it was not refused");
    const payable = "update app_public.payments set captured_amount = 1 where booking_id = $1";
    await asOwner(bare, payable, [stay]);
    const findings = await drift(bare);
    expect(findings.map(({ finding }) => finding).sort()).toEqual([
      "booking differs from its payments",
      "charge without a payment",
      "unbalanced transaction",
      "unbalanced transaction",
      "unbalanced transaction",
    ]);
  } finally {
    await bare.dispose();
  }
});

test("an account is made once, also by two at the same time", async () => {
  const make = () =>
    asOwner(database, "select app_hidden.ledger_account('stripe_fees', 'CHF') as id");
  const ids = await Promise.all([make(), make(), make(), make()]);
  expect(new Set(ids.map((rows) => text(rows, "id"))).size).toBe(1);
});

describe("faults that somebody plants are found, by name, booking and amount", () => {
  const ENTRY = (kind: string) =>
    `update app_public.ledger_entries e set %s
     from app_public.ledger_transactions t, app_public.ledger_accounts a
     where t.id = e.transaction_id and a.id = e.account_id and t.booking_id = $1
       and a.kind = '${kind}'`;
  const set = (kind: string, change: string): string => ENTRY(kind).replace("%s", change);

  type Planted = readonly (readonly [finding: string, offBy: number])[];
  const FAULTS: readonly (readonly [string, readonly string[], Planted])[] = [
    [
      "swapped shares",
      [set("host_payable", "amount = -6000"), set("platform_revenue", "amount = -38800")],
      [
        ["the host's share is not the booking's", -32_800],
        ["the platform's fee is not the booking's", 32_800],
      ],
    ],
    [
      "another host",
      [
        `insert into app_public.ledger_accounts (kind, user_id, currency)
         select 'host_payable', b.guest_id, 'EUR' from app_public.bookings b where b.id = $1`,
        `update app_public.ledger_entries e set account_id = own.id
         from app_public.ledger_transactions t, app_public.ledger_accounts a,
           app_public.ledger_accounts own, app_public.bookings b
         where t.id = e.transaction_id and a.id = e.account_id and t.booking_id = $1
           and a.kind = 'host_payable' and b.id = $1
           and own.kind = 'host_payable' and own.user_id = b.guest_id`,
      ],
      [["earnings of another host", 38_800]],
    ],
    [
      "a transaction without a booking",
      ["update app_public.ledger_transactions set booking_id = null where booking_id = $1"],
      [
        ["booking differs from its payments", 44_800],
        ["charge without a payment", 0],
        ["transaction without a booking", 44_800],
      ],
    ],
    [
      "a payment without a row",
      [
        `update app_public.payments set status = 'cancelled', captured_amount = 0,
           stripe_charge_id = null where booking_id = $1`,
      ],
      [
        ["booking differs from its payments", -44_800],
        ["charge without a payment", 44_800],
      ],
    ],
    [
      "a booking that was paid and is not confirmed",
      ["update app_public.bookings set status = 'expired' where id = $1"],
      [["paid but not confirmed", 44_800]],
    ],
    [
      "a refund of another charge",
      [
        `insert into app_public.refunds
           (payment_id, reason, reason_code, currency, amount, status, stripe_refund_id)
         select p.id, 'A gesture.', 'goodwill', 'EUR', 100, 'succeeded', 're_planted'
         from app_public.payments p where p.booking_id <> $1 limit 1`,
        `select app_hidden.post_ledger('refund:re_planted', 'refund', $1, array[
           row('guest_payable', null, 'EUR', 100), row('stripe_balance', null, 'EUR', -100)
         ]::app_hidden.ledger_posting[], refund_id => r.id)
         from app_public.refunds r where r.stripe_refund_id = 're_planted'`,
      ],
      [
        ["booking differs from its payments", 100],
        ["guest got more than was owed", -100],
        ["refund of another charge", 100],
      ],
    ],
    [
      "a guest who got more than was owed",
      [
        `select app_hidden.post_ledger('planted', 'goodwill', $1, array[
           row('guest_payable', null, 'EUR', 500), row('platform_revenue', null, 'EUR', -500)
         ]::app_hidden.ledger_posting[])`,
      ],
      [["guest got more than was owed", -500]],
    ],
    [
      "a fee that was not booked",
      [
        set("host_payable", "amount = -44800"),
        `delete from app_public.ledger_entries e using app_public.ledger_transactions t,
           app_public.ledger_accounts a
         where t.id = e.transaction_id and a.id = e.account_id and t.booking_id = $1
           and a.kind = 'platform_revenue'`,
      ],
      [
        ["the host's share is not the booking's", 6000],
        ["the platform's fee is not the booking's", -6000],
      ],
    ],
    [
      "a refund that was lost",
      [
        `select app_hidden.post_ledger('planted', 'goodwill', $1, array[
           row('guest_payable', null, 'EUR', -500), row('platform_revenue', null, 'EUR', 500)
         ]::app_hidden.ledger_posting[])`,
      ],
      [["owed to the guest without a refund", 500]],
    ],
  ];

  test.each(FAULTS)("%s", async (_name, statements, findings) => {
    const bare = await openTestDatabase();
    try {
      await stopClock(bare, NOON);
      const [seller, buyer] = [await somebody(bare), await somebody(bare)];
      const listing = await publishedListing(bare, seller, { units: 2 });
      const [stay] = [
        await paidBooking(bare, buyer, listing),
        await paidBooking(bare, buyer, listing),
      ];
      expect(await drift(bare)).toEqual([]);
      await asRoot(bare, async (client) => {
        // As somebody with all rights would: no trigger stops it.
        await client.query("set session_replication_role = replica");
        for (const statement of statements) {
          await client.query(statement, statement.includes("$1") ? [stay] : []);
        }
      });
      const found = await drift(bare);
      expect(
        found.map(({ finding, off_by_amount: offBy }) => [finding, Number(offBy)]).sort(),
      ).toEqual(findings);
      const named = found.filter(({ finding }) => finding !== "transaction without a booking");
      expect(named.some((row) => row.booking_id === stay)).toBe(true);
    } finally {
      await bare.dispose();
    }
  });
});

async function asRoot(of: TestDatabase, fn: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: of.rootUrl });
  await client.connect();
  try {
    await fn(client);
  } finally {
    await client.end();
  }
}
