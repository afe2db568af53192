/** Who a guest is to Stripe, and the cards that are kept there. */
import { createHash } from "node:crypto";
import type { Stripe } from "stripe";
import type { Resources } from "../resources/index.ts";
import { isUnknown } from "../resources/stripe.ts";
import { patience } from "./patience.ts";

/** The customer of a person; made when first needed, for it cannot be added to a past intent. */
export async function customerOf(resources: Resources, userId: string): Promise<string> {
  const known = await knownCustomerOf(resources, userId);
  if (known !== undefined) return known;
  const made = await patience.execute(() =>
    resources.stripe.requests.customers.create(
      { metadata: { user_id: userId } },
      { idempotencyKey: `customer:${userId}` },
    ),
  );
  const { rows } = await resources.pool.query<{ id: string }>(
    "select app_private.note_stripe_customer($1, $2) as id",
    [userId, made.id],
  );
  return rows[0]?.id ?? made.id;
}

/** `undefined` for somebody who has never been about to pay. */
export async function knownCustomerOf(
  resources: Resources,
  userId: string,
): Promise<string | undefined> {
  const { rows } = await resources.pool.query<{ id: string | null }>(
    "select app_private.stripe_customer_of($1) as id",
    [userId],
  );
  return rows[0]?.id ?? undefined;
}

/**
 * The kept cards of a person, newest first.
 * @throws {Stripe.errors.StripeError}
 */
export async function keptCardsOf(
  resources: Resources,
  stripe: Stripe,
  userId: string,
): Promise<readonly Stripe.PaymentMethod[]> {
  const customer = await knownCustomerOf(resources, userId);
  if (customer === undefined) return [];
  const { data } = await stripe.customers.listPaymentMethods(customer, {
    type: "card",
    limit: 100,
  });
  return data;
}

/**
 * What a browser needs to keep a card of a person: one for each key.
 * @throws {Stripe.errors.StripeError}
 */
export async function setUpCard(
  resources: Resources,
  userId: string,
  key: string,
): Promise<Stripe.SetupIntent> {
  const customer = await customerOf(resources, userId);
  const hash = createHash("sha256").update(`${userId} ${key}`).digest("hex");
  return await patience.execute(() =>
    resources.stripe.requests.setupIntents.create(
      {
        customer,
        usage: "off_session",
        automatic_payment_methods: { enabled: true, allow_redirects: "never" },
        metadata: { user_id: userId },
      },
      { idempotencyKey: `setup:${hash}` },
    ),
  );
}

/**
 * Lets Stripe know a person no longer. Without a key: to delete twice is harmless.
 * @throws {Stripe.errors.StripeError}
 */
export async function forgetAtStripe(resources: Resources, userId: string): Promise<void> {
  const customer = await knownCustomerOf(resources, userId);
  if (customer === undefined) return;
  try {
    await resources.stripe.jobs.customers.del(customer);
  } catch (error) {
    if (!isUnknown(error)) throw error;
  }
  await resources.pool.query("select app_private.forget_stripe_customer($1)", [userId]);
}

/**
 * Lets Stripe keep a card no longer. False where it is none of the person's.
 * @throws {Stripe.errors.StripeError}
 */
export async function removeCard(
  resources: Resources,
  userId: string,
  paymentMethodId: string,
): Promise<boolean> {
  const customer = await knownCustomerOf(resources, userId);
  const { paymentMethods } = resources.stripe.requests;
  try {
    const method = await paymentMethods.retrieve(paymentMethodId);
    if (customer === undefined || method.customer !== customer) return false;
    // Without a key: to remove it twice is harmless.
    await paymentMethods.detach(paymentMethodId);
    return true;
  } catch (error) {
    if (isUnknown(error)) return false;
    throw error;
  }
}
