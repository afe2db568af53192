/** What goes wrong, drawn from a seed: processes die and pause, the database restarts, Stripe and its news misbehave. */
import { Stripe } from "stripe";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import type { Draw } from "../helpers/generate.ts";
import type { History } from "./history.ts";
import { type Stage, sleep } from "./stage.ts";

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

export const MISFORTUNES: Readonly<Record<string, Misfortune>> = {
  "kill a server": kill("servers"),
  "kill a worker": kill("workers"),
  "pause a server": pause("servers"),
  "pause a worker": pause("workers"),
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
    const stripe = stripeOf(stage);
    const taken = stage.stripe.paymentIntents().filter(({ status }) => status === "succeeded");
    if (taken.length === 0) return;
    const amount = draw.one([100, 1000, 5000]);
    await stripe.refunds.create({ payment_intent: draw.one(taken).id, amount });
  },
  "a refund fails": async (stage, draw) => {
    const made = stage.stripe.refunds().filter(({ status }) => status === "succeeded");
    if (made.length === 0) return;
    const { id } = draw.one(made);
    stage.stripe.control({ refund: { id, status: "failed" } });
  },
};

const stripeOf = ({ stripe }: Stage): Stripe => {
  const { hostname: host, port } = new URL(stripe.url);
  const settings = { host, port, protocol: "http" as const, maxNetworkRetries: 0 };
  return new Stripe(SIMULATOR_STRIPE_KEYS.secretKey, settings);
};

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
    // What the misfortune itself needs may be broken by another.
    const happened = await MISFORTUNES[name]?.(stage, draw).then(
      () => true,
      () => false,
    );
    if (happened === true) history.meet(name);
    await sleep(draw.integer(100, 800));
  }
}

/**
 * Money that comes when the nights are gone: guests who hold stays are asked for their intents, Stripe
 * cannot be asked to cancel them, their time ends, and then they pay.
 */
export async function payLate(stage: Stage, history: History): Promise<void> {
  stage.stripe.control({
    fail: {
      match: "POST /v1/payment_intents/:id/cancel",
      when: "before",
      how: "status 500",
      times: 50,
    },
  });
  const waiting = stage.stripe
    .paymentIntents()
    .filter(({ status }) => status === "requires_payment_method");
  await stage.forward(27 * 60);
  await stage.owner.query("select app_private.expire_holds(1000)");
  for (const { id, client_secret: secret } of waiting) {
    await fetch(`${stage.stripe.url}/pay/${id}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ client_secret: secret, card: "4242424242424242" }),
    }).catch(() => undefined);
  }
  stage.stripe.control({ reset: true });
  history.meet("time has moved");
}

/** Everything works again. */
export async function calm(stage: Stage): Promise<void> {
  stage.stripe.control({ reset: true });
  await Promise.all([...stage.servers, ...stage.workers].map((one) => one.start()));
}
