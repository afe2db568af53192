/**
 * `npm run test:faults`: the product under faults. People book, request, accept, pay, cancel, alter, block and refund on
 * three listings while a seeded nemesis breaks what it can; then all is quiet, and a checker judges what is left. Ends with
 * 1 where something is wrong, with 2 where the run has met too little to say anything.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { drawFrom } from "../helpers/generate.ts";
import { bugCalled } from "./bugs.ts";
import { type AtStripe, findViolations } from "./checker.ts";
import { act } from "./clients.ts";
import { type History, openHistory } from "./history.ts";
import { passTime } from "./lateness.ts";
import { calm, happen, haunt } from "./nemesis.ts";
import { openStage, type Stage, sleep } from "./stage.ts";
import { makeWorld } from "./world.ts";

/** What a run must have met, or it says nothing. */
const MUST_MEET = [
  "conflict",
  "key repeated",
  "late payment",
  "failed refund",
  "foreign refund",
  "job re-run",
];

const GUESTS = 9;
const HOSTS = 3;
const QUIET_MS = 60_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 100_000) },
    seconds: { type: "string", default: "60" },
    minutes: { type: "string" },
    bug: { type: "string" },
  },
});
const seconds = values.minutes === undefined ? Number(values.seconds) : Number(values.minutes) * 60;
const seed = Number(values.seed);
const bug = values.bug === undefined ? undefined : bugCalled(values.bug);

async function play(
  stage: Stage,
  history: History,
): Promise<readonly { id: string; amount: string }[]> {
  const world = await makeWorld(stage, GUESTS);
  await bug?.database?.(stage.root);
  const endsAt = Date.now() + seconds * 1000;
  const isOver = (): boolean => Date.now() > endsAt;
  const names = [
    ...Array.from({ length: GUESTS }, (_, index) => `guest ${index}`),
    ...Array.from({ length: HOSTS }, (_, index) => `host ${index}`),
  ];
  const people = names.map((name, index) =>
    act(stage, world, history, drawFrom(seed * 1000 + index), name, isOver),
  );
  const nemeses = [seed, -seed - 1].map((of) => haunt(stage, history, drawFrom(of), isOver));
  const watch = watchJobs(stage, history, isOver);
  await sleep(seconds * 400);
  // Meanwhile news come that cannot be kept: they must not be acknowledged.
  await stage.crashDatabase(async () => {
    for (let times = 0; times < 3; times += 1) {
      await happen(stage, history, drawFrom(seed + times), "somebody gives money back at Stripe");
      await sleep(400);
    }
  });
  history.meet("the database crashes");
  await sleep(seconds * 200);
  const entries = await stage.owner.query<{ id: string; amount: string }>(
    "select id, amount::text from app_public.ledger_entries",
  );
  await Promise.all([...people, ...nemeses, watch]);
  await calm(stage);
  // Money is there by now: what a run must meet it does meet.
  const draw = drawFrom(seed + 1);
  await happen(stage, history, draw, "somebody gives money back at Stripe");
  await happen(stage, history, draw, "a refund fails");
  await passTime(stage, world, history, draw);
  await calm(stage);
  return entries.rows;
}

/** Notes when a job runs again. */
async function watchJobs(stage: Stage, history: History, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const { rows } = await stage.owner
      .query<{ again: number }>(
        "select count(*)::int as again from graphile_worker.jobs where attempts > 1",
      )
      .catch(() => ({ rows: [] }));
    if ((rows[0]?.again ?? 0) > 0) history.meet("job re-run");
    await sleep(100);
  }
}

/** Waits until nothing moves any more: jobs that wait for a retry are let run at once. */
async function quiet(stage: Stage): Promise<void> {
  const endsAt = Date.now() + QUIET_MS;
  let still = 0;
  while (Date.now() < endsAt && still < 6) {
    await stage.owner.query(
      `select graphile_worker.reschedule_jobs(array_agg(j.id), run_at => now())
       from graphile_worker.jobs j
       where j.locked_at is null and j.attempts > 0 and j.attempts < j.max_attempts`,
    );
    await stage.owner.query("select app_private.expire_holds(1000), app_private.end_alterations()");
    await stage.owner.query("select app_private.requeue_stale_stripe()");
    const { rows } = await stage.owner.query<{ open: number }>(
      `select count(*)::int as open from graphile_worker.jobs
       where run_at <= now() + interval '1 minute' and attempts < max_attempts`,
    );
    const waiting = stage.stripe.report().pending.filter(({ state }) => state === "waiting");
    still = rows[0]?.open === 0 && waiting.length === 0 ? still + 1 : 0;
    await sleep(500);
  }
}

function atStripe({ stripe }: Stage): AtStripe {
  const refunds = stripe.refunds().filter(({ status }) => status === "succeeded");
  const intents = stripe.paymentIntents();
  const paidAt = new Map(stripe.charges().map((one) => [one.payment_intent, one.created]));
  return {
    intents: intents.map(({ id, metadata }) => ({ id, paymentId: metadata.payment_id ?? "" })),
    charges: intents
      .filter(({ amount_received: taken }) => taken > 0)
      .map(({ id, transfer_group: bookingId, amount_received: taken }) => ({
        intentId: id,
        bookingId: bookingId ?? "",
        paidAt: paidAt.get(id) ?? 0,
        taken,
        givenBack: refunds
          .filter(({ payment_intent: intent }) => intent === id)
          .reduce((sum, { amount }) => sum + amount, 0),
      })),
    acknowledged: stripe
      .events()
      .filter(({ pending_webhooks: pending }) => pending === 0)
      .map(({ id }) => id),
  };
}

/** What only the tables say that was met. */
async function meetings(stage: Stage, history: History): Promise<void> {
  const { rows } = await stage.owner.query<Record<string, number>>(
    `select
       (select count(*)::int from app_public.refunds
        where reason_code in ('late_payment', 'not_accepted')) +
       (select count(*)::int from app_public.booking_events
        where from_status = 'expired' and to_status = 'confirmed') as "late payment",
       (select count(*)::int from app_public.refunds
        where status = 'failed' and failure_code is distinct from 'superseded') as "failed refund",
       (select count(*)::int from app_public.refunds where origin = 'stripe') as "foreign refund",
       (select count(*)::int from app_public.bookings where status = 'confirmed') as "stay sold",
       (select count(*)::int from app_public.alterations where status = 'applied') as "stay changed",
       (select count(*)::int from app_public.alterations
        where status = 'applied' and charge_saved_card and difference_amount > 0
          and charge_failed_at is null) as "saved card charged",
       (select count(*)::int from app_public.bookings
        where booking_mode = 'request' and confirmed_at is not null) as "request sold"`,
  );
  for (const [what, count] of Object.entries(rows[0] ?? {})) {
    for (let index = 0; index < count; index += 1) history.meet(what);
  }
}

function summary(history: History): string {
  const calls = Map.groupBy(history.calls, ({ operation, outcome }) => `${operation} ${outcome}`);
  const lines = [
    ...[...calls].map(([what, all]) => [what, all.length] as const).sort(),
    ...[...history.met].sort(),
  ];
  return lines.map(([what, count]) => `  ${String(count).padStart(6)}  ${what}`).join("\n");
}

const folder = mkdtempSync(join(tmpdir(), "staybase-history-"));
const history = openHistory(join(folder, "history.jsonl"));
console.log(`seed ${seed}, ${seconds} s, history in ${folder}`);
const stage = await openStage(bug?.sources);
try {
  const entries = await play(stage, history);
  await quiet(stage);
  await meetings(stage, history);
  const violations = await findViolations(stage.owner, history.calls, atStripe(stage), entries);
  console.log(summary(history));
  for (const { rule, detail } of violations.slice(0, 40))
    console.log(`VIOLATION  ${rule}: ${detail}`);
  const missed = MUST_MEET.filter((what) => !history.met.has(what));
  if (missed.length > 0) console.log(`VOID: this run never met: ${missed.join(", ")}.`);
  console.log(`${violations.length} violations, seed ${seed}`);
  process.exitCode = violations.length > 0 ? 1 : missed.length > 0 ? 2 : 0;
} finally {
  await stage.dispose();
}
