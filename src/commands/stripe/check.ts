/**
 * `npm run stripe:check`: walks the story of a payment with Stripe itself, in its test mode, and
 * says of each step whether Stripe answers as this program expects: a charge and its refund, a card
 * that is declined, one that asks the guest, money that is set aside, taken, and let go of, and a
 * card that is kept for later. It refuses live keys, for it moves money.
 */
import { randomUUID } from "node:crypto";
import { Stripe } from "stripe";
import { loadConfig, loadEnvFile } from "../../config/index.ts";
import { createStripe } from "../../resources/stripe.ts";
import { DatabaseCommandError, describeFailure } from "../shared/errors.ts";

/** One step: what it claims, and what shows it; throws a sentence where it is not so. */
interface Step {
  readonly claim: string;
  readonly run: (stripe: Stripe) => Promise<void>;
}

const AMOUNT = 12_345;

/** A payment of ours, as POST /v1/bookings/{id}/payment makes it, confirmed with a test card. */
function pay(
  stripe: Stripe,
  card: string,
  captureMethod: "automatic" | "manual" = "automatic",
  idempotencyKey: string = randomUUID(),
): Promise<Stripe.PaymentIntent> {
  return stripe.paymentIntents.create(
    {
      amount: AMOUNT,
      currency: "eur",
      automatic_payment_methods: { enabled: true, allow_redirects: "never" },
      capture_method: captureMethod,
      payment_method: card,
      confirm: true,
      metadata: { check: "staybase" },
      expand: ["latest_charge"],
    },
    { idempotencyKey },
  );
}

async function newCustomer(stripe: Stripe): Promise<string> {
  const { id } = await stripe.customers.create({ metadata: { check: "staybase" } });
  return id;
}

/** A charge of a kept card, as the job for the difference of an alteration makes it. */
function payAway(
  stripe: Stripe,
  paymentMethod: string,
  customer: string,
): Promise<Stripe.PaymentIntent> {
  return stripe.paymentIntents.create({
    amount: AMOUNT,
    currency: "eur",
    automatic_payment_methods: { enabled: true, allow_redirects: "never" },
    customer,
    payment_method: paymentMethod,
    confirm: true,
    off_session: true,
    metadata: { check: "staybase" },
  });
}

function expectThat(holds: boolean, sentence: string): void {
  if (!holds) throw new Error(sentence);
}

const expectStatus = (intent: Stripe.PaymentIntent, status: string): void =>
  expectThat(intent.status === status, `The intent is ${intent.status}, not ${status}.`);

export const STEPS: readonly Step[] = [
  {
    claim: "a card is charged, once for a key",
    run: async (stripe) => {
      const key = randomUUID();
      const first = await pay(stripe, "pm_card_visa", "automatic", key);
      const again = await pay(stripe, "pm_card_visa", "automatic", key);
      expectStatus(first, "succeeded");
      expectThat(first.id === again.id, "The same key has made a second intent.");
    },
  },
  {
    claim: "a charge goes back in two parts, and no more than it was",
    run: async (stripe) => {
      const { id } = await pay(stripe, "pm_card_visa");
      const part = { payment_intent: id, amount: 345 };
      const refund = await stripe.refunds.create(part, { idempotencyKey: randomUUID() });
      expectThat(["succeeded", "pending"].includes(refund.status ?? ""), "It was not refunded.");
      await stripe.refunds.create({ payment_intent: id }, { idempotencyKey: randomUUID() });
      const refused = await codeOf(stripe.refunds.create(part));
      expectThat(refused === "charge_already_refunded", `The third one gave ${refused}.`);
      const listed = await stripe.refunds.list({ payment_intent: id });
      expectThat(listed.data.length === 2, `Stripe lists ${listed.data.length} refunds.`);
    },
  },
  {
    claim: "a declined card says so",
    run: async (stripe) => {
      const code = await codeOf(pay(stripe, "pm_card_chargeDeclined"));
      expectThat(code === "card_declined", `It gave ${code}.`);
    },
  },
  {
    claim: "a bank that wants the guest is asked by them",
    run: async (stripe) => {
      const intent = await pay(stripe, "pm_card_authenticationRequired");
      expectStatus(intent, "requires_action");
      expectStatus(await stripe.paymentIntents.cancel(intent.id), "canceled");
    },
  },
  {
    claim: "money that is set aside is taken",
    run: async (stripe) => {
      const intent = await pay(stripe, "pm_card_visa", "manual");
      expectStatus(intent, "requires_capture");
      expectStatus(await stripe.paymentIntents.capture(intent.id), "succeeded");
      const code = await codeOf(stripe.paymentIntents.cancel(intent.id));
      expectThat(code === "payment_intent_unexpected_state", `To cancel it then gave ${code}.`);
    },
  },
  {
    claim: "money that is set aside is let go of",
    run: async (stripe) => {
      const intent = await pay(stripe, "pm_card_visa", "manual");
      expectStatus(await stripe.paymentIntents.cancel(intent.id), "canceled");
      const code = await codeOf(stripe.paymentIntents.capture(intent.id));
      expectThat(code === "payment_intent_unexpected_state", `To capture it then gave ${code}.`);
    },
  },
  {
    claim: "a card that is kept pays while the guest is away, until it is removed",
    run: async (stripe) => {
      const customer = await newCustomer(stripe);
      const setup = await stripe.setupIntents.create({
        automatic_payment_methods: { enabled: true, allow_redirects: "never" },
        customer,
        usage: "off_session",
      });
      const kept = await stripe.setupIntents.confirm(setup.id, { payment_method: "pm_card_visa" });
      expectThat(kept.status === "succeeded", `The card's setup is ${kept.status}.`);
      const { data } = await stripe.paymentMethods.list({ customer, type: "card" });
      const [card] = data;
      if (!card || data.length > 1) throw new Error(`Stripe lists ${data.length} kept cards.`);
      expectStatus(await payAway(stripe, card.id, customer), "succeeded");
      await stripe.paymentMethods.detach(card.id);
      const code = await codeOf(payAway(stripe, card.id, customer));
      expectThat(code !== "no error", "A card that was removed has paid.");
    },
  },
  {
    claim: "a bank that wants a guest who is away says so",
    run: async (stripe) => {
      const customer = await newCustomer(stripe);
      const code = await codeOf(payAway(stripe, "pm_card_authenticationRequired", customer));
      expectThat(code === "authentication_required", `It gave ${code}.`);
    },
  },
  {
    claim: "what does not exist is told by its code",
    run: async (stripe) => {
      const code = await codeOf(stripe.paymentIntents.retrieve("pi_of_nobody"));
      expectThat(code === "resource_missing", `It gave ${code}.`);
    },
  },
];

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return "no error";
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    return error.code ?? error.type;
  }
}

/** Walks all steps and prints one line each; resolves to whether all of them hold. */
export async function checkStripe(stripe: Stripe, print: (line: string) => void): Promise<boolean> {
  let holds = true;
  for (const { claim, run } of STEPS) {
    try {
      await run(stripe);
      print(`ok      ${claim}`);
    } catch (error) {
      holds = false;
      print(`BROKEN  ${claim}: ${error instanceof Error ? error.message : String(error)}`);
      // Without a key that works, no other step says anything.
      if (error instanceof Stripe.errors.StripeAuthenticationError) break;
    }
  }
  return holds;
}

const NO_KEY = `Set STRIPE_SECRET_KEY to a test key, sk_test_...
Every account of Stripe has one, free of charge: https://dashboard.stripe.com/test/apikeys`;

async function main(): Promise<void> {
  loadEnvFile();
  const { stripe } = loadConfig();
  const { secretKey, publishableKey = "", webhookSecrets = [] } = stripe;
  if (secretKey === undefined) throw new DatabaseCommandError(NO_KEY);
  if (!/^[sr]k_test_/.test(secretKey)) {
    throw new DatabaseCommandError(
      "This is no test key, and the check moves money. Take one: sk_test_...",
    );
  }
  const { jobs } = createStripe({
    stripe: { ...stripe, secretKey, publishableKey, webhookSecrets },
  });
  const holds = await checkStripe(jobs, (line) => console.log(line));
  if (!holds) process.exitCode = 1;
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(describeFailure(error));
    process.exitCode = 1;
  });
}
