/** What goes wrong, drawn from a seed: processes die and pause, the database restarts, Stripe and its news misbehave. */
import { Stripe } from "stripe";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import type { Draw } from "../helpers/generate.ts";
import type { History } from "./history.ts";
import { type Redis, type Stage, sleep } from "./stage.ts";

type Misfortune = (stage: Stage, draw: Draw) => Promise<void>;

const kill =
  (which: "servers" | "workers"): Misfortune =>
  async (stage, draw) => {
    const victim = draw.one(stage[which]);
    await victim.kill();
    await sleep(draw.integer(100, 1500));
    await victim.start();
  };

const pause =
  (which: "servers" | "workers"): Misfortune =>
  async (stage, draw) =>
    draw.one(stage[which]).pause(draw.integer(200, 3000));

const fail =
  (match: string, when: "before" | "after"): Misfortune =>
  async (stage, draw) => {
    const how = draw.one(["status 500", "disconnect", "status 409"] as const);
    stage.stripe.control({ fail: { match, when, how, times: draw.integer(1, 4) } });
  };

function ofRedis(happen: (redis: Redis, draw: Draw) => Promise<void>): Misfortune {
  return async ({ redis }, draw) => {
    if (redis === undefined) throw new Error("There is no Redis.");
    await happen(redis, draw);
  };
}

export const MISFORTUNES: Readonly<Record<string, Misfortune>> = {
  "kill a server": kill("servers"),
  "kill a worker": kill("workers"),
  "pause a server": pause("servers"),
  "pause a worker": pause("workers"),
  "Redis hangs": ofRedis((redis, draw) => redis.pause(draw.integer(200, 3000))),
  "Redis forgets": ofRedis((redis) => redis.flush()),
  "Redis dies": ofRedis((redis) => redis.crash()),
  "terminate backends": async (stage) => {
    await stage.root.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name like 'staybase%' and random() < 0.3`,
    );
  },
  "Stripe fails before its effect": fail("POST /v1/*", "before"),
  "Stripe fails after its effect": fail("POST /v1/*", "after"),
  "Stripe fails to make refunds": fail("POST /v1/refunds", "after"),
  "Stripe hangs": async (stage, draw) => {
    stage.stripe.control({ latencyMs: draw.integer(1000, 9000) });
    await sleep(draw.integer(500, 3000));
    stage.stripe.control({ latencyMs: 0 });
  },
  "news are dropped": async (stage, draw) => {
    stage.stripe.control({ webhooks: { dropNext: draw.integer(1, 5) } });
  },
  "news are doubled": async (stage) => {
    stage.stripe.control({ webhooks: { duplicate: 2 } });
    await sleep(1000);
    stage.stripe.control({ webhooks: { duplicate: 0 } });
  },
  "news are late": async (stage, draw) => {
    stage.stripe.control({ webhooks: { delayMs: draw.integer(500, 4000) } });
    await sleep(1500);
    stage.stripe.control({ webhooks: { delayMs: 0 } });
  },
  "news are mixed up": async (stage) => {
    stage.stripe.control({ webhooks: { reorder: true } });
    await sleep(1500);
    stage.stripe.control({ webhooks: { reorder: false } });
  },
  "somebody gives money back at Stripe": async (stage, draw) => {
    const taken = stage.stripe.paymentIntents().filter(({ status }) => status === "succeeded");
    const amount = draw.one([100, 1000, 5000]);
    await stripeOf(stage).refunds.create({ payment_intent: draw.one(taken).id, amount });
  },
  "somebody gives money back in the name of a refund of ours": async (stage) => {
    stage.stripe.control({
      fail: { match: "POST /v1/refunds", when: "before", how: "status 500", times: 2 },
    });
    for (let tries = 0; tries < 40; tries += 1) {
      const { rows } = await stage.owner.query<{ id: string; intent: string }>(
        `select r.id, p.stripe_payment_intent_id as intent from app_public.refunds r
         join app_public.payments p on p.id = r.payment_id
         where r.status = 'requested' and r.stripe_refund_id is null limit 1`,
      );
      const [waiting] = rows;
      if (waiting !== undefined) await lie(stage, waiting.intent, waiting.id);
      if (waiting !== undefined) return;
      await sleep(100);
    }
    throw new Error("No refund waited.");
  },
  "a refund fails": async (stage, draw) => {
    const made = stage.stripe.refunds().filter(({ status }) => status === "succeeded");
    const { id } = draw.one(made);
    stage.stripe.control({ refund: { id, status: "failed" } });
  },
};

/** A small refund that says to be one of ours; Stripe may refuse it some times first. */
async function lie(stage: Stage, intentId: string, refundId: string): Promise<void> {
  const refund = { payment_intent: intentId, amount: 100, metadata: { refund_id: refundId } };
  const { refunds } = stripeOf(stage);
  for (let tries = 0; ; tries += 1) {
    try {
      await refunds.create(refund);
      return;
    } catch (error) {
      if (tries === 3) throw error;
    }
  }
}

const stripeOf = ({ stripe }: Stage): Stripe => {
  const { hostname: host, port } = new URL(stripe.url);
  const settings = { host, port, protocol: "http" as const, maxNetworkRetries: 0 };
  return new Stripe(SIMULATOR_STRIPE_KEYS.secretKey, settings);
};

/** Lets one misfortune happen, unless what it needs is broken by another, or not there. */
export async function happen(
  stage: Stage,
  history: History,
  draw: Draw,
  name: string,
): Promise<void> {
  try {
    await MISFORTUNES[name]?.(stage, draw);
    history.meet(name);
  } catch {
    // It did not happen, and is not noted.
  }
}

/** Lets misfortunes happen until `isOver`, in rounds: each once before any of them happens again. */
export async function haunt(
  stage: Stage,
  history: History,
  draw: Draw,
  isOver: () => boolean,
): Promise<void> {
  let round: string[] = [];
  while (!isOver()) {
    if (round.length === 0) round = Object.keys(MISFORTUNES);
    const name = draw.one(round);
    round = round.filter((other) => other !== name);
    await happen(stage, history, draw, name);
    await sleep(draw.integer(100, 800));
  }
}

/** Everything works again. */
export async function calm(stage: Stage): Promise<void> {
  stage.stripe.control({ reset: true });
  await Promise.all([...stage.servers, ...stage.workers].map((one) => one.start()));
}
