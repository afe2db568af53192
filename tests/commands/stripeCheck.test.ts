/** The walk through Stripe's test mode, here with the simulator: all of it holds, and a fault is told. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { checkStripe, STEPS } from "../../src/commands/stripe/check.ts";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";
import { createStripe } from "../../src/resources/stripe.ts";

let simulator: StripeSimulator;

beforeAll(async () => {
  simulator = await startStripeSimulator({
    secretKey: SIMULATOR_STRIPE_KEYS.secretKey,
    webhookSecret: SIMULATOR_STRIPE_KEYS.webhookSecret,
  });
});
afterAll(() => simulator.close());

async function walk(secretKey: string): Promise<[boolean, string[]]> {
  const keys = { publishableKey: "pk_test_x", webhookSecrets: ["whsec_x"] };
  const { jobs } = createStripe({ stripe: { ...keys, secretKey, apiUrl: simulator.url } });
  const lines: string[] = [];
  return [await checkStripe(jobs, (line) => lines.push(line)), lines];
}

test("every step holds", async () => {
  const [holds, lines] = await walk(SIMULATOR_STRIPE_KEYS.secretKey);
  expect(lines.filter((line) => !line.startsWith("ok"))).toEqual([]);
  expect([holds, lines.length]).toEqual([true, STEPS.length]);
});

test("a key that is refused ends the walk, and is not shown", async () => {
  const [holds, lines] = await walk("sk_test_of_somebody_else");
  expect([holds, lines.length]).toEqual([false, 1]);
  expect(lines[0]).toMatch(/^BROKEN/);
  expect(lines[0]).not.toContain("sk_test_of_somebody_else");
});
