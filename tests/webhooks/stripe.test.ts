import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Stripe } from "stripe";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";

const database = testDatabase();
let marketplace: Marketplace;

/** The secret that takes the place of the other: for a while both are good. */
const NEW_SECRET = "whsec_that_is_new";

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1, {
    STRIPE_WEBHOOK_SECRET: `${SIMULATOR_STRIPE_KEYS.webhookSecret}, ${NEW_SECRET}`,
  });
});

afterAll(async () => {
  await marketplace?.dispose();
});

interface Delivery {
  readonly body?: string;
  readonly secret?: string;
  /** Seconds from now that the signature claims. */
  readonly age?: number;
  readonly signature?: string | null;
  /** Seconds from now of another time that the header claims first. */
  readonly alsoSignedAt?: number;
}

function event(id: string, type = "payment_intent.succeeded"): string {
  return JSON.stringify({ id, object: "event", type, data: { object: { id: "pi_unknown" } } });
}

function signatureOf(payload: string, delivery: Delivery): string {
  const now = Math.floor(Date.now() / 1000);
  const header = Stripe.webhooks.generateTestHeaderString({
    payload,
    secret: delivery.secret ?? SIMULATOR_STRIPE_KEYS.webhookSecret,
    timestamp: now + (delivery.age ?? 0),
  });
  return delivery.alsoSignedAt === undefined
    ? header
    : `t=${now + delivery.alsoSignedAt},${header}`;
}

async function deliver(payload: string, delivery: Delivery = {}): Promise<[number, unknown]> {
  const signature = delivery.signature ?? signatureOf(payload, delivery);
  const response = await fetch(`${marketplace.servers[0]}/v1/webhooks/stripe`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(delivery.signature === null ? {} : { "stripe-signature": signature }),
    },
    body: delivery.body ?? payload,
  });
  const body = (await response.json()) as { code?: string };
  return [response.status, body.code];
}

async function stored(id: string): Promise<number> {
  const { rows } = await database.owner.query<{ count: number }>(
    "select count(*)::int as count from app_private.stripe_events where id = $1",
    [id],
  );
  return rows[0]?.count ?? -1;
}

describe("the Stripe webhook", () => {
  test("stores an event once with one job, and answers each delivery with 200", async () => {
    const payload = event("evt_thrice");
    const answers = await Promise.all([1, 2, 3].map(() => deliver(payload)));
    expect(answers.map(([status]) => status)).toEqual([200, 200, 200]);
    expect(await stored("evt_thrice")).toBe(1);
    const { rows } = await database.owner.query(
      "select from graphile_worker.jobs where key = 'stripe_event:evt_thrice'",
    );
    expect(rows).toHaveLength(1);
  });

  test("takes the signature of each of its secrets", async () => {
    expect(await deliver(event("evt_newsecret"), { secret: NEW_SECRET })).toEqual([200, undefined]);
    expect(await stored("evt_newsecret")).toBe(1);
  });

  test.each<[string, { account?: string | null; livemode: boolean }, string | null]>([
    ["of a connected account", { account: "acct_1", livemode: false }, "other_account"],
    ["of live mode", { livemode: true }, "other_mode"],
    ["of ours", { account: null, livemode: false }, null],
  ])("keeps an event %s, and acts on ours alone", async (name, more, ignored) => {
    const id = `evt_${name.replaceAll(" ", "")}`;
    const payload = JSON.stringify({ ...JSON.parse(event(id)), ...more });
    expect(await deliver(payload)).toEqual([200, undefined]);
    const { rows } = await database.owner.query(
      `select e.account, e.livemode, e.ignored_because as ignored,
         (select count(*)::int from graphile_worker.jobs j where j.key = 'stripe_event:' || e.id)
           as jobs
       from app_private.stripe_events e where e.id = $1`,
      [id],
    );
    expect(rows).toEqual([
      {
        account: more.account ?? null,
        livemode: more.livemode,
        ignored,
        jobs: ignored === null ? 1 : 0,
      },
    ]);
  });

  test.each<[string, Delivery]>([
    ["no signature", { signature: null }],
    ["nonsense for a signature", { signature: "v1=abc" }],
    ["another secret", { secret: "whsec_of_somebody_else" }],
    ["an old signature", { age: -310 }],
    ["a signature from the future", { age: 3600 }],
    ["two times, the later one from the future", { age: 3600, alsoSignedAt: 0 }],
    ["a body that was parsed and written again", { body: `${event("evt_bad")} ` }],
  ])("refuses %s and stores nothing", async (_name, delivery) => {
    expect(await deliver(event("evt_bad"), delivery)).toEqual([400, "SIGNATURE_INVALID"]);
    expect(await stored("evt_bad")).toBe(0);
  });

  test("refuses a body over a megabyte", async () => {
    const big = JSON.stringify({ id: "evt_big", filler: "x".repeat(2_000_000) });
    expect(await deliver(big)).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  test("stores types that it does not know, and the worker lays them aside", async () => {
    const [status] = await deliver(event("evt_unknown_type", "moon.landed"));
    expect(status).toBe(200);
    marketplace.startWorker();
    await waitUntil("all events are processed", async () => {
      const { rows } = await database.owner.query(
        "select from app_private.stripe_events where processed_at is null",
      );
      return rows.length === 0;
    });
    // evt_thrice is about a PaymentIntent that Stripe does not know: laid aside as well.
    expect(await stored("evt_thrice")).toBe(1);
  });
});
