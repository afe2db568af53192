/**
 * Builds new Stripe objects, complete as the SDK's types describe them.
 * It fills in what never changes; payments.ts moves the objects from state to state.
 */
import type Stripe from "stripe";
import type { TestCard } from "./cards.ts";
import { newId, nowSeconds } from "./state.ts";

/** What a client may say about a new PaymentIntent, checked. */
export interface NewIntent {
  amount: number;
  currency: string;
  captureMethod: "automatic" | "automatic_async" | "manual";
  metadata: Record<string, string>;
  paymentMethodTypes: string[];
  customer: string | null;
  description: string | null;
  receiptEmail: string | null;
  setupFutureUsage: "on_session" | "off_session" | null;
  statementDescriptorSuffix: string | null;
  transferGroup: string | null;
}

const BILLING_DETAILS = { address: null, email: null, name: null, phone: null, tax_id: null };
const CHECKS = {
  address_line1_check: null,
  address_postal_code_check: null,
  cvc_check: "pass",
};

function expiry(): { exp_month: number; exp_year: number } {
  return { exp_month: 12, exp_year: new Date().getUTCFullYear() + 3 };
}

export function newPaymentIntent(order: NewIntent): Stripe.PaymentIntent {
  const id = newId("pi");
  const automatic = order.paymentMethodTypes.length === 0;
  return {
    id,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount: order.amount,
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: automatic ? { allow_redirects: "always", enabled: true } : null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: order.captureMethod,
    client_secret: `${id}_${newId("secret")}`,
    confirmation_method: "automatic",
    created: nowSeconds(),
    currency: order.currency,
    customer: order.customer,
    customer_account: null,
    description: order.description,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: order.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: { card: CARD_OPTIONS },
    payment_method_types: automatic ? ["card"] : order.paymentMethodTypes,
    payment_record: null,
    processing: null,
    receipt_email: order.receiptEmail,
    review: null,
    setup_future_usage: order.setupFutureUsage,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: order.statementDescriptorSuffix,
    status: "requires_payment_method",
    transfer_data: null,
    transfer_group: order.transferGroup,
  };
}

/** What a client may say about a new SetupIntent, checked. */
export interface NewSetup {
  customer: string | null;
  metadata: Record<string, string>;
  usage: "on_session" | "off_session";
}

export function newSetupIntent({ customer, metadata, usage }: NewSetup): Stripe.SetupIntent {
  const id = newId("seti");
  return {
    id,
    object: "setup_intent",
    allowed_payment_method_types: null,
    application: null,
    automatic_payment_methods: { allow_redirects: "always", enabled: true },
    cancellation_reason: null,
    client_secret: `${id}_${newId("secret")}`,
    created: nowSeconds(),
    customer,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    flow_directions: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: false,
    managed_payments: null,
    mandate: null,
    metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ["card"],
    single_use_mandate: null,
    status: "requires_payment_method",
    usage,
  };
}

const CARD_OPTIONS: Stripe.PaymentIntent.PaymentMethodOptions.Card = {
  installments: null,
  mandate_options: null,
  network: null,
  request_three_d_secure: "automatic",
};

export function newPaymentMethod(card: TestCard): Stripe.PaymentMethod {
  return {
    id: newId("pm"),
    object: "payment_method",
    billing_details: BILLING_DETAILS,
    card: {
      brand: card.brand,
      checks: CHECKS,
      country: "US",
      display_brand: card.brand,
      ...expiry(),
      funding: "credit",
      generated_from: null,
      last4: card.number.slice(-4),
      networks: { available: [card.brand], preferred: null },
      regulated_status: "unregulated",
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: nowSeconds(),
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: "card",
  };
}

/** Somebody who pays more than once; nothing is saved of them yet. */
export function newCustomer(
  email: string | null,
  name: string | null,
  metadata: Stripe.Metadata,
): Stripe.Customer {
  return {
    id: newId("cus"),
    object: "customer",
    balance: 0,
    created: nowSeconds(),
    default_source: null,
    description: null,
    email,
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata,
    name,
    shipping: null,
  };
}

/** For how long a bank sets money aside that is to be captured by hand. */
export const AUTHORISED_SECONDS = 7 * 86_400;

/** The charge of one attempt to pay: succeeded (captured or only authorised), or failed. */
export function newCharge(
  intent: Stripe.PaymentIntent,
  card: TestCard,
  captured: boolean,
): Stripe.Charge {
  const decline = card.decline;
  return {
    id: newId("ch"),
    object: "charge",
    amount: intent.amount,
    amount_captured: !decline && captured ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: BILLING_DETAILS,
    calculated_statement_descriptor: "STAYBASE",
    captured: !decline && captured,
    created: nowSeconds(),
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: { ...intent.metadata },
    on_behalf_of: null,
    outcome: chargeOutcome(card),
    paid: !decline,
    payment_intent: intent.id,
    payment_method: typeof intent.payment_method === "string" ? intent.payment_method : null,
    payment_method_details: {
      card: {
        ...chargedCard(card),
        ...(decline || captured ? {} : { capture_before: nowSeconds() + AUTHORISED_SECONDS }),
      },
      type: "card",
    },
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: decline ? "failed" : "succeeded",
    transfer_data: null,
    transfer_group: intent.transfer_group,
  };
}

function chargeOutcome({ decline }: TestCard): Stripe.Charge.Outcome {
  return {
    advice_code: null,
    network_advice_code: null,
    network_decline_code: null,
    network_status: decline ? "declined_by_network" : "approved_by_network",
    reason: decline ? (decline.declineCode ?? decline.code) : null,
    risk_level: "normal",
    seller_message: decline ? "The bank returned a decline." : "Payment complete.",
    type: decline ? "issuer_declined" : "authorized",
  };
}

function chargedCard(card: TestCard): Stripe.Charge.PaymentMethodDetails.Card {
  return {
    amount_authorized: null,
    authorization_code: null,
    brand: card.brand,
    checks: CHECKS,
    country: "US",
    electronic_commerce_indicator: null,
    ...expiry(),
    funding: "credit",
    installments: null,
    last4: card.number.slice(-4),
    mandate: null,
    network: card.brand,
    network_transaction_id: null,
    regulated_status: "unregulated",
    three_d_secure: null,
    transaction_link_id: null,
    wallet: null,
  };
}

export function newRefund(
  charge: Stripe.Charge,
  amount: number,
  status: "pending" | "succeeded",
  reason: Stripe.Refund.Reason | null,
  metadata: Record<string, string>,
): Stripe.Refund {
  return {
    id: newId("re"),
    object: "refund",
    amount,
    balance_transaction: null,
    charge: charge.id,
    created: nowSeconds(),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    destination_details: { card: { reference_status: "pending", type: "refund" }, type: "card" },
    metadata,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    ...(status === "pending" && { pending_reason: "processing" }),
    reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status,
    transfer_reversal: null,
  };
}

/** A movement on the account; a charge costs 2.9 % and 30 minor units, as in the United States. */
export function newBalanceTransaction(
  source: Stripe.Charge | Stripe.Refund,
  type: "charge" | "refund" | "refund_failure",
  amount: number,
): Stripe.BalanceTransaction {
  const fee = type === "charge" ? Math.round((amount * 29) / 1000) + 30 : 0;
  const created = nowSeconds();
  const description = "Stripe processing fees";
  const detail = { application: null, currency: source.currency, description, type: "stripe_fee" };
  return {
    id: newId("txn"),
    object: "balance_transaction",
    amount,
    available_on: created + 2 * 24 * 3600,
    balance_type: "payments",
    created,
    currency: source.currency,
    description: null,
    exchange_rate: null,
    fee,
    fee_details: fee > 0 ? [{ amount: fee, ...detail }] : [],
    net: amount - fee,
    reporting_category: type,
    source: source.id,
    status: "pending",
    type,
  };
}
