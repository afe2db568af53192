/**
 * Money that goes back otherwise than by a cancellation: what an operator gives, what others give at
 * Stripe, before or after ours, what fails and is repeated or settled, and charges that nobody asked
 * for. After each of them the ledger adds up, and says what the guest is owed.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { withTransaction } from "../../../src/resources/postgres.ts";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  bookingStatus,
  follow,
  followRefund,
  hold,
  NOON,
  one,
  type Payment,
  pay,
  publishEvents,
  publishedListing,
  type Row,
  refusal,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";
import { drawFrom } from "../../helpers/generate.ts";

const database = testDatabase();
let host: string;
let guest: string;
let operator: string;

/** What a stay of the factories costs, and what the host earns of it. */
const PAID = 44_800;
const EARNED = 38_800;

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  operator = await somebody(database, "Olga");
  await asOwner(database, "insert into app_private.operators (user_id) values ($1)", [operator]);
  await asOwner(database, "update app_private.quotas set most = 10000");
});

beforeEach(() => stopClock(database, NOON));

afterEach(async () => {
  expect(await asServer(database, "select * from app_private.ledger_drift()")).toEqual([]);
});

const paid = async (): Promise<Payment> =>
  pay(database, guest, await hold(database, guest, await publishedListing(database, host)));

const asOperator = (statement: string, values: readonly unknown[]): Promise<Row[]> =>
  withTransaction(
    database.pool,
    { role: database.config.database.operator, claims: { userId: operator } },
    async (client) => (await client.query<Row>(statement, [...values])).rows,
  );

let keys = 0;
const key = (): string => `operator-key-${++keys}`;

const give = (
  { bookingId }: Payment,
  amount: number | null,
  { currency = "EUR", reason = "A gesture.", by = "platform", once = key() } = {},
): Promise<Row[]> =>
  asOperator("select id from app_public.refund_booking($1, $2, $3, $4, $5, $6)", [
    bookingId,
    once,
    amount,
    currency,
    reason,
    by,
  ]);

const retry = (refund: string, once = key()): Promise<Row[]> =>
  asOperator("select id, replaces_id from app_public.retry_refund($1, $2)", [refund, once]);
const settle = (refund: string, reason = "Paid by bank transfer.", once = key()): Promise<Row[]> =>
  asOperator("select id from app_public.settle_refund($1, $2, $3)", [refund, once, reason]);

const cancel = ({ bookingId }: Payment): Promise<Row[]> =>
  asVisitor(database, host, "select id from app_public.cancel_booking($1, $2)", [bookingId, key()]);

/** A refund that somebody has made at Stripe, as the job finds it. */
const foreign = async (
  { intentId }: Payment,
  stripeId: string,
  amount: number,
  status = "succeeded",
  metadata: string | null = null,
): Promise<string> =>
  text(
    await asServer(
      database,
      "select app_private.apply_refund($1, $2, $3, $4, $5, 'EUR') as outcome",
      [metadata, stripeId, status, intentId, amount],
    ),
    "outcome",
  );

const refundsOf = ({ id }: Payment): Promise<Row[]> =>
  asOwner(
    database,
    `select amount::int, status::text, origin::text, reason_code::text as code, failure_code as why
     from app_public.refunds where payment_id = $1 order by id`,
    [id],
  );

const newest = async ({ id }: Payment): Promise<string> =>
  text(
    await asOwner(
      database,
      "select id from app_public.refunds where payment_id = $1 order by id desc limit 1",
      [id],
    ),
    "id",
  );

/** What a booking's accounts hold; what is zero is left out. */
async function balances({ bookingId }: Payment): Promise<Record<string, number>> {
  const rows = await asOwner(
    database,
    `select a.kind::text as kind, sum(e.amount)::int as amount
     from app_public.ledger_transactions t
     join app_public.ledger_entries e on e.transaction_id = t.id
     join app_public.ledger_accounts a on a.id = e.account_id
     where t.booking_id = $1 group by a.kind having sum(e.amount) <> 0`,
    [bookingId],
  );
  return Object.fromEntries(rows.map(({ kind, amount }) => [kind, Number(amount)]));
}

const owed = ({ bookingId }: Payment): Promise<Row[]> =>
  asServer(
    database,
    `select amount::int, needs_attention as open from app_private.guests_owed()
     where booking_id = $1 order by amount`,
    [bookingId],
  );

describe("an operator", () => {
  test("gives some of a stay back, and the platform bears it", async () => {
    const payment = await paid();
    await give(payment, 10_000);
    expect(await balances(payment)).toEqual({
      stripe_balance: PAID,
      host_payable: -EARNED,
      platform_revenue: 4000,
      guest_payable: -10_000,
    });
    expect(await followRefund(database, await newest(payment), "succeeded")).toBe("succeeded");
    expect(await balances(payment)).toEqual({
      stripe_balance: PAID - 10_000,
      host_payable: -EARNED,
      platform_revenue: 4000,
    });
    expect(await bookingStatus(database, payment.bookingId)).toBe("confirmed");
  });

  test("lets the host bear it, as far as the host has earned", async () => {
    const payment = await paid();
    expect(await refusal(give(payment, EARNED + 1, { by: "host" }))).toBe("SBM04");
    await give(payment, EARNED, { by: "host" });
    expect(await balances(payment)).toEqual({
      stripe_balance: PAID,
      platform_revenue: -6000,
      guest_payable: -EARNED,
    });
  });

  test.each<[string, number | null, Parameters<typeof give>[2], string]>([
    ["nothing", 0, {}, "SBG04"],
    ["less than nothing", -1, {}, "SBG04"],
    ["no amount", null, {}, "SBG04"],
    ["more than was taken", PAID + 1, {}, "SBM04"],
    ["another currency", 100, { currency: "USD" }, "SBG04"],
    ["without a reason", 100, { reason: "  " }, "SBG04"],
    ["with a reason that is too long", 100, { reason: "x".repeat(1001) }, "SBG04"],
    ["without a key", 100, { once: "" }, "SBB02"],
  ])("cannot give %s", async (_, amount, options, code) => {
    const payment = await paid();
    expect(await refusal(give(payment, amount, options))).toBe(code);
    expect(await refundsOf(payment)).toEqual([]);
  });

  test("cannot give twice what was taken, nor what was given back already", async () => {
    const payment = await paid();
    await give(payment, 40_000);
    expect(await refusal(give(payment, 4801))).toBe("SBM04");
    await give(payment, 4800);
    expect(await refusal(give(payment, 1))).toBe("SBM04");
  });

  test("gives once for a key, whatever the key is repeated with", async () => {
    const payment = await paid();
    const once = key();
    await give(payment, 100, { once });
    await give(payment, 100, { once });
    expect(await refusal(give(payment, 200, { once }))).toBe("SBB03");
    expect(await refundsOf(payment)).toHaveLength(1);
  });

  test("alone does so", async () => {
    const payment = await paid();
    for (const who of [guest, host]) {
      const attempt = asVisitor(
        database,
        who,
        "select app_public.refund_booking($1, 'a-key-of-mine', 1, 'EUR', 'Mine.')",
        [payment.bookingId],
      );
      expect(await refusal(attempt)).toBe("42501");
    }
    const nobodys = { ...payment, bookingId: "00000000-0000-7000-8000-000000000000" };
    expect(await refusal(give(nobodys, 1))).toBe("SBB01");
  });

  test("gave before: a host who cancels gives back what is left", async () => {
    const payment = await paid();
    await give(payment, 10_000);
    await cancel(payment);
    expect(await balances(payment)).toEqual({ stripe_balance: PAID, guest_payable: -PAID });
    expect((await refundsOf(payment)).map(({ amount }) => amount)).toEqual([10_000, 34_800]);
  });
});

describe("a refund that has failed", () => {
  async function failed(): Promise<[Payment, string]> {
    const payment = await paid();
    await cancel(payment);
    const refund = await newest(payment);
    await followRefund(database, refund, "succeeded");
    await followRefund(database, refund, "failed");
    return [payment, refund];
  }

  test("is owed and to be looked at, and the guest is told", async () => {
    const [payment] = await failed();
    expect(await owed(payment)).toEqual([{ amount: PAID, open: true }]);
    await publishEvents(database);
    const mails = await asOwner(
      database,
      "select kind from app_private.mails where booking_id = $1 and kind like 'refund%' order by id",
      [payment.bookingId],
    );
    expect(mails).toContainEqual({ kind: "refund_failed" });
  });

  test("is repeated once, and arrives", async () => {
    const [payment, refund] = await failed();
    const once = key();
    const again = await retry(refund, once);
    expect(one(again).replaces_id).toBe(refund);
    expect(await retry(refund, once)).toEqual(again);
    expect(await refusal(retry(refund))).toBe("SBM05");
    expect(await refusal(settle(refund))).toBe("SBM05");
    expect(await owed(payment)).toEqual([{ amount: PAID, open: false }]);
    await followRefund(database, text(again, "id"), "succeeded");
    expect(await owed(payment)).toEqual([]);
    expect(await balances(payment)).toEqual({});
  });

  test("is settled otherwise, which the ledger is told", async () => {
    const [payment, refund] = await failed();
    expect(await refusal(settle(refund, " "))).toBe("SBG04");
    await settle(refund);
    expect(await refusal(retry(refund))).toBe("SBM05");
    expect(await owed(payment)).toEqual([]);
    expect(await balances(payment)).toEqual({ stripe_balance: PAID, bank: -PAID });
  });

  test("is the only kind that is repeated or settled", async () => {
    const payment = await paid();
    await cancel(payment);
    const refund = await newest(payment);
    for (const act of [retry, settle]) expect(await refusal(act(refund))).toBe("SBM05");
    await followRefund(database, refund, "succeeded");
    for (const act of [retry, settle]) {
      expect(await refusal(act(refund))).toBe("SBM05");
      expect(await refusal(act("00000000-0000-7000-8000-000000000000"))).toBe("SBM06");
    }
  });

  test("of a refund that Stripe refuses to make, the same holds", async () => {
    const payment = await paid();
    await cancel(payment);
    const refund = await newest(payment);
    await asServer(database, "select app_private.refuse_refund($1, 'charge_disputed')", [refund]);
    expect(await owed(payment)).toEqual([{ amount: PAID, open: true }]);
    await retry(refund);
  });
});

describe("a refund that others make at Stripe", () => {
  test("is taken in once, and the platform bears it", async () => {
    const payment = await paid();
    const stripeId = `re_theirs_${payment.id}`;
    expect(await foreign(payment, stripeId, 10_000)).toBe("succeeded");
    expect(await foreign(payment, stripeId, 10_000)).toBe("unchanged");
    expect(await refundsOf(payment)).toEqual([
      { amount: 10_000, status: "succeeded", origin: "stripe", code: "made_at_stripe", why: null },
    ]);
    expect(await balances(payment)).toEqual({
      stripe_balance: PAID - 10_000,
      host_payable: -EARNED,
      platform_revenue: 4000,
    });
  });

  test("is not ours because its metadata says so: amount and payment are compared", async () => {
    const [payment, rival] = [await paid(), await paid()];
    await cancel(payment);
    const ours = await newest(payment);
    expect(await foreign(rival, `re_a_${payment.id}`, PAID, "succeeded", ours)).toBe("succeeded");
    expect(await foreign(payment, `re_b_${payment.id}`, 100, "succeeded", ours)).toBe("succeeded");
    expect(await refundsOf(payment)).toEqual([
      expect.objectContaining({ amount: PAID, status: "failed", why: "superseded" }),
      expect.objectContaining({ amount: 100, origin: "stripe", status: "succeeded" }),
      expect.objectContaining({ amount: PAID - 100, origin: "ours", status: "requested" }),
    ]);
    expect(await refundsOf(rival)).toEqual([
      expect.objectContaining({ amount: PAID, origin: "stripe", status: "succeeded" }),
    ]);
  });

  test("before ours leaves what is still owed to ours", async () => {
    const payment = await paid();
    expect(await foreign(payment, `re_before_${payment.id}`, 30_000)).toBe("succeeded");
    await cancel(payment);
    expect((await refundsOf(payment)).map(({ amount }) => amount)).toEqual([30_000, 14_800]);
    await followRefund(database, await newest(payment), "succeeded");
    expect(await balances(payment)).toEqual({});
  });

  test("beside ours that is on its way takes its place, and no mail says that it failed", async () => {
    const payment = await paid();
    await cancel(payment);
    expect(await foreign(payment, `re_all_${payment.id}`, PAID)).toBe("succeeded");
    expect(await balances(payment)).toEqual({});
    expect(await owed(payment)).toEqual([]);
    await publishEvents(database);
    const mails = await asOwner(
      database,
      "select kind from app_private.mails where booking_id = $1 and kind like 'refund%'",
      [payment.bookingId],
    );
    expect(mails).toEqual([{ kind: "refund_sent" }]);
  });

  test("that fails is taken back, and what was owed is asked for anew", async () => {
    const payment = await paid();
    await cancel(payment);
    const stripeId = `re_fails_${payment.id}`;
    await foreign(payment, stripeId, PAID);
    expect(await foreign(payment, stripeId, PAID, "failed")).toBe("failed");
    expect(await balances(payment)).toEqual({ stripe_balance: PAID, guest_payable: -PAID });
    expect(await owed(payment)).toEqual([{ amount: PAID, open: false }]);
  });

  test("that fails and was a gift leaves nothing owed", async () => {
    const payment = await paid();
    const stripeId = `re_gift_${payment.id}`;
    await foreign(payment, stripeId, 10_000, "pending");
    expect(await foreign(payment, stripeId, 10_000, "failed")).toBe("failed");
    expect(await balances(payment)).toEqual({
      stripe_balance: PAID,
      host_payable: -EARNED,
      platform_revenue: -6000,
    });
    expect(await owed(payment)).toEqual([]);
  });

  test("waits until its charge is known", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    const payment = await begunPayment(database, guest, booking);
    expect(await foreign(payment, `re_early_${payment.id}`, 100)).toBe("not_captured");
    await follow(database, payment, "succeeded");
    expect(await foreign(payment, `re_early_${payment.id}`, 100)).toBe("succeeded");
  });

  test("in any order with ours, failed ones among them, adds up", async () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const draw = drawFrom(seed);
      const payment = await paid();
      /** What Stripe has given back of the charge. */
      let gone = 0;
      const made: { id: string; amount: number; state: string; ours: string | null }[] = [];
      const make = (amount: number, ours: string | null): void => {
        if (gone + amount > PAID) return;
        gone += amount;
        made.push({
          id: `re_${seed}_${made.length}_${payment.id}`,
          amount,
          state: "pending",
          ours,
        });
      };
      for (let step = 0; step < 12; step += 1) {
        const act = draw.one(["give", "cancel", "foreign", "ours", "news", "news", "fail"]);
        if (act === "give") await refusal(give(payment, draw.one([100, 20_000])));
        if (act === "cancel") await refusal(cancel(payment));
        if (act === "foreign") make(draw.one([100, 10_000, PAID]), null);
        if (act === "ours") {
          const [waiting] = await asOwner(
            database,
            `select id, amount::int from app_public.refunds
             where payment_id = $1 and status = 'requested' and stripe_refund_id is null limit 1`,
            [payment.id],
          );
          const known = made.some(({ ours }) => ours === waiting?.id);
          if (waiting !== undefined && !known) make(Number(waiting.amount), String(waiting.id));
        }
        const news = made.length === 0 ? undefined : draw.one(made);
        if (news === undefined || (act !== "news" && act !== "fail")) continue;
        if (act === "fail" && news.state !== "failed") {
          news.state = "failed";
          gone -= news.amount;
        } else if (news.state === "pending") {
          news.state = "succeeded";
        }
        await foreign(payment, news.id, news.amount, news.state, news.ours);
      }
      for (const { id, amount, state, ours } of made) {
        await foreign(payment, id, amount, state === "pending" ? "succeeded" : state, ours);
      }
      expect(await asServer(database, "select * from app_private.ledger_drift()")).toEqual([]);
      const { stripe_balance: left = 0 } = await balances(payment);
      expect(left).toBe(PAID - gone);
    }
  });
});

describe("a charge that nobody asked for", () => {
  const record = (payment: Payment | null, intent: string, booking: string | null = null) =>
    asServer(
      database,
      "select app_private.record_unknown_charge($1, $2, 700, 'EUR', $3, $4) as ours",
      [intent, `ch_${intent}`, payment?.id ?? null, booking],
    );

  test("is written down once, given back, and seen by the operator alone", async () => {
    const payment = await paid();
    const intent = `pi_unknown_${payment.id}`;
    expect(await record(payment, intent)).toEqual([{ ours: true }]);
    expect(await record(payment, intent)).toEqual([{ ours: true }]);
    const SEEN =
      "select status::text, amount::int from app_public.unknown_charges where payment_id = $1";
    expect(await asOperator(SEEN, [payment.id])).toEqual([{ status: "requested", amount: 700 }]);
    expect(await asVisitor(database, guest, SEEN, [payment.id])).toEqual([]);
    const stranger = { ...payment, intentId: intent };
    expect(await foreign(stranger, `re_${intent}`, 700)).toBe("succeeded");
    expect(await asOperator(SEEN, [payment.id])).toEqual([{ status: "succeeded", amount: 700 }]);
    expect(await foreign(stranger, `re_${intent}`, 700, "failed")).toBe("failed");
    const open = await asServer(
      database,
      "select needs_attention as open from app_private.guests_owed() where unknown_charge_id is not null",
    );
    expect(open).toContainEqual({ open: true });
  });

  test("is none of our business where neither payment nor booking is ours", async () => {
    expect(await record(null, "pi_nobodys")).toEqual([{ ours: false }]);
    const stranger = "00000000-0000-7000-8000-000000000000";
    expect(await record(null, "pi_nobodys", stranger)).toEqual([{ ours: false }]);
  });

  test("is told by an intent of another amount that names our payment", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    const begun = await asServer(
      database,
      "select id from app_private.begin_payment($1)",
      [booking],
      guest,
    );
    const outcome = await asServer(
      database,
      `select app_private.apply_payment_intent(
         'pi_cheap', $1, 'succeeded', 1, 'ch_cheap', null, 1, 'EUR') as outcome`,
      [text(begun, "id")],
    );
    expect(outcome).toEqual([{ outcome: "unknown" }]);
    expect(await bookingStatus(database, booking)).toBe("pending_payment");
  });
});
