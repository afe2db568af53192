/**
 * The news of a payment in every order: six things happen at Stripe, a failed refund among them, and are
 * told in each of the 720 orders, some of them twice. What is fetched at the time is what is true by then.
 * All orders end alike.
 */
import { beforeAll, expect, test } from "@jest/globals";
import type pg from "pg";
import { testDatabase } from "../../helpers/database.ts";
import {
  begunPayment,
  hold,
  NOON,
  ownerTransaction,
  type Payment,
  publishedListing,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";

const database = testDatabase();
let payment: Payment;

beforeAll(async () => {
  await stopClock(database, NOON);
  const guest = await somebody(database, "Gero");
  const listing = await publishedListing(database, await somebody(database, "Hanna"));
  payment = await begunPayment(database, guest, await hold(database, guest, listing));
});

/** What happens at Stripe, in this order: the number of the last one says what is true. */
const STORY = ["asks", "processes", "succeeds", "refund a", "a fails", "refund b"] as const;
const INTENTS = ["requires_action", "processing", "succeeded"] as const;
const ORDERS = permutations(STORY.map((_, index) => index));

function permutations(of: readonly number[]): number[][] {
  if (of.length === 0) return [[]];
  return of.flatMap((first) =>
    permutations(of.filter((one) => one !== first)).map((rest) => [first, ...rest]),
  );
}

async function applyIntent(client: pg.ClientBase, truth: number): Promise<void> {
  const status = INTENTS[Math.min(truth, 2)] ?? "succeeded";
  const isPaid = status === "succeeded";
  await client.query(
    "select app_private.apply_payment_intent($1, $2, $3, $4, $5, null, $6, 'EUR')",
    [
      payment.intentId,
      payment.id,
      status,
      isPaid ? payment.amount : 0,
      isPaid ? payment.chargeId : null,
      payment.amount,
    ],
  );
}

async function applyRefund(client: pg.ClientBase, which: "a" | "b", truth: number): Promise<void> {
  const status = which === "a" && truth >= 4 ? "failed" : "succeeded";
  const amount = which === "a" ? 1000 : 500;
  const apply = async (): Promise<unknown> => {
    const { rows } = await client.query<{ outcome: string }>(
      "select app_private.apply_refund(null, $1, $2, $3, $4, 'EUR') as outcome",
      [`re_${which}`, status, payment.intentId, amount],
    );
    return rows[0]?.outcome;
  };
  if ((await apply()) !== "not_captured") return;
  await applyIntent(client, truth);
  await apply();
}

/** What counts in the end: the stay, the money, and what is owed. */
const END = `
  select b.status::text as booking, p.status::text as payment, p.captured_amount::int as taken,
    p.refunded_amount::int as given,
    (select jsonb_object_agg(s.kind, s.amount) from (
      select a.kind, sum(e.amount)::int as amount from app_public.ledger_transactions t
      join app_public.ledger_entries e on e.transaction_id = t.id
      join app_public.ledger_accounts a on a.id = e.account_id
      where t.booking_id = b.id group by a.kind having sum(e.amount) <> 0
    ) s) as balances,
    (select count(*)::int from app_private.guests_owed()) as owed,
    (select count(*)::int from app_private.ledger_drift()) as drift
  from app_public.bookings b join app_public.payments p on p.booking_id = b.id
  where b.id = $1`;

test("all 720 orders end in one state", async () => {
  expect(ORDERS).toHaveLength(720);
  const ends = new Map<string, string>();
  await ownerTransaction(database, async (client) => {
    for (const [number, order] of ORDERS.entries()) {
      await client.query("savepoint before_all");
      let truth = 0;
      // One of them is told twice in a row.
      const twice = order[number % order.length];
      for (const event of order.flatMap((one) => (one === twice ? [one, one] : [one]))) {
        truth = Math.max(truth, event);
        if (event <= 2) await applyIntent(client, truth);
        else await applyRefund(client, event === 5 ? "b" : "a", truth);
      }
      await client.query("set constraints all immediate");
      const { rows } = await client.query(END, [payment.bookingId]);
      ends.set(JSON.stringify(rows), order.map((one) => STORY[one]).join(", "));
      await client.query("rollback to before_all");
      await client.query("set constraints all deferred");
    }
  });
  expect([...ends.keys()].map((text) => JSON.parse(text))).toEqual([
    [
      {
        booking: "confirmed",
        payment: "partially_refunded",
        taken: 44_800,
        given: 500,
        balances: { stripe_balance: 44_300, host_payable: -38_800, platform_revenue: -5500 },
        owed: 0,
        drift: 0,
      },
    ],
  ]);
});
