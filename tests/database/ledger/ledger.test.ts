/** The ledger: balanced (M1), never changed (M2), each fact once (M3), and true to what was charged (M4). */
import { beforeAll, expect, test } from "@jest/globals";
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
         values ($1, 'charge', null) returning id
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
      `insert into app_public.ledger_entries (transaction_id, account_id, currency, amount)
       select e.transaction_id, e.account_id, $1, $2 from app_public.ledger_entries e limit 1`,
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
  const POST = `select app_hidden.post_ledger($1, 'charge', null, array[
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
  const POST = `select app_hidden.post_ledger($1, 'charge', null, array[
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
