/**
 * `npm run bench:webhooks`: how long Stripe waits for the answer to an event. It sends signed
 * events about nothing, at a steady pace, to a server that runs (`npm start`), and prints when they
 * were answered. Stripe expects an answer within seconds and slows down whoever is late; the goal
 * is 200 ms for 99 of 100. Exit code 2 says that it was missed.
 */
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { Stripe } from "stripe";
import { loadConfig, loadEnvFile, SIMULATOR_STRIPE_KEYS } from "../../config/index.ts";
import { DatabaseCommandError, describeFailure } from "../shared/errors.ts";

const USAGE = `Usage: npm run bench:webhooks -- [options]
  --url ADDRESS  of the server that runs (default http://localhost:4000)
  --rate N       events a second, 1 to 1000 (default 50)
  --seconds N    for how long, 1 to 600 (default 10)`;
const GOAL_MS = 200;

interface Options {
  readonly url: string;
  readonly rate: number;
  readonly seconds: number;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "http://localhost:4000" },
      rate: { type: "string", default: "50" },
      seconds: { type: "string", default: "10" },
    },
  });
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
  const fits = (value: number, most: number): boolean =>
    Number.isInteger(value) && value >= 1 && value <= most;
  if (!fits(rate, 1000) || !fits(seconds, 600)) throw new DatabaseCommandError(USAGE);
  return { url: values.url.replace(/\/$/, ""), rate, seconds };
}

/** Sends one event; resolves to the milliseconds until it was answered. */
async function deliver(url: string, secret: string): Promise<number> {
  const id = `evt_bench${randomUUID().replaceAll("-", "")}`;
  const object = { id: `pi_bench${randomUUID().replaceAll("-", "")}` };
  const event = { id, object: "event", type: "payment_intent.created", livemode: false };
  const payload = JSON.stringify({ ...event, data: { object } });
  const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret });
  const startedAt = performance.now();
  const response = await fetch(`${url}/v1/webhooks/stripe`, {
    method: "POST",
    headers: { "content-type": "application/json", "stripe-signature": signature },
    body: payload,
  });
  await response.arrayBuffer();
  if (!response.ok) throw new DatabaseCommandError(`The server answered ${response.status}.`);
  return performance.now() - startedAt;
}

async function main(): Promise<void> {
  loadEnvFile();
  const { url, rate, seconds } = readOptions();
  const [secret = SIMULATOR_STRIPE_KEYS.webhookSecret] = loadConfig().stripe.webhookSecrets ?? [];
  const sent: Promise<number>[] = [];
  const startedAt = performance.now();
  for (let index = 0; index < rate * seconds; index += 1) {
    const waitMs = startedAt + (index * 1000) / rate - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    sent.push(deliver(url, secret));
  }
  const times = (await Promise.all(sent)).sort((a, b) => a - b);
  const at = (share: number): number => Math.round(times[Math.floor(times.length * share)] ?? 0);
  const [p50, p95, p99] = [at(0.5), at(0.95), at(0.99)];
  console.log(`${times.length} events at ${rate} a second: p50 ${p50}, p95 ${p95}, p99 ${p99} ms`);
  console.log(`goal: p99 at most ${GOAL_MS} ms: ${p99 <= GOAL_MS ? "met" : "missed"}`);
  if (p99 > GOAL_MS) process.exitCode = 2;
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(describeFailure(error));
    process.exitCode = 1;
  });
}
