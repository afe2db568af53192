/**
 * Time moves past the end of holds: money that came in time and of which nobody has heard, money of
 * somebody who then cancels, and money that comes too late.
 */
import type { Draw } from "../helpers/generate.ts";
import { type Intent, type Nights, Person, payIntent, QUIET_NIGHT, type World } from "./clients.ts";
import type { History } from "./history.ts";
import { type Stage, sleep } from "./stage.ts";

/** A guest has 15 minutes; 10 more Stripe may be asked before the nights are free. */
const PAST_THE_HOLD_SECONDS = 16 * 60;
const PAST_ALL_SECONDS = 27 * 60;

const HOLDS = 4;

export async function passTime(
  stage: Stage,
  world: World,
  history: History,
  draw: Draw,
): Promise<void> {
  const guest = (index: number): Person =>
    new Person(stage, world, history, draw, `guest ${index % world.guests.length}`);
  const [first = "", second = ""] = world.listings;
  const nights = (index: number): Nights => ({
    listing: index % 2 === 0 ? first : second,
    from: QUIET_NIGHT + 2 * index,
    nights: 1,
  });
  /** What guests are to pay for some nights each, so far as they got them. */
  const hold = async (first: number, firstGuest: number): Promise<Intent[]> => {
    const intents: Intent[] = [];
    for (let index = 0; index < HOLDS; index += 1) {
      const person = guest(firstGuest + index);
      const id = await person.take(nights(first + index));
      const intent = id === undefined ? undefined : await person.askToPay(id);
      if (intent !== undefined) intents.push(intent);
    }
    return intents;
  };
  const holdAndPay = async (firstGuest: number): Promise<void> => {
    for (const intent of await hold(0, firstGuest)) await payIntent(stage, intent);
  };

  stage.stripe.control({ webhooks: { paused: true } });
  await holdAndPay(0);
  // Nobody asks Stripe for a while, and others want the nights.
  await Promise.all(stage.workers.map((worker) => worker.kill()));
  await stage.forward(PAST_THE_HOLD_SECONDS);
  await stage.owner.query("select app_private.expire_holds(1000)");
  await holdAndPay(1);
  stage.stripe.control({ webhooks: { paused: false } });
  await Promise.all(stage.workers.map((worker) => worker.start()));
  await newsAreHeard(stage);

  for (let index = 0; index < HOLDS; index += 1) {
    const id = await guest(index).take(nights(HOLDS + index));
    if (id !== undefined) await guest(index).payAndCancel(id);
  }
  await hold(HOLDS, 0);
  await payLate(stage);
  history.meet("time has moved");
}

/** Waits until no event is on its way; not for ever, for a bug may stop them. */
async function newsAreHeard({ owner, stripe }: Stage): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    await sleep(100);
    const { rows } = await owner.query(
      "select from app_private.stripe_events where processed_at is null limit 1",
    );
    if (rows.length === 0 && stripe.report().pending.length === 0) return;
  }
}

/** Stripe cannot be asked to cancel what guests may pay, their time ends, and then they pay. */
async function payLate(stage: Stage): Promise<void> {
  const match = "POST /v1/payment_intents/:id/cancel";
  stage.stripe.control({ fail: { match, when: "before", how: "status 500", times: 50 } });
  const waiting = stage.stripe
    .paymentIntents()
    .filter(({ status }) => status === "requires_payment_method");
  await stage.forward(PAST_ALL_SECONDS);
  await stage.owner.query("select app_private.expire_holds(1000)");
  for (const { id, client_secret: secret } of waiting) {
    await payIntent(stage, { id, secret: secret ?? "" });
  }
  stage.stripe.control({ reset: true });
}
