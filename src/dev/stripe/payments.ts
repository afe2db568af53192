/**
 * The rules of PaymentIntents, charges and refunds: which step is allowed when, what it changes
 * and which events it emits. It knows nothing of HTTP; every step is one synchronous change.
 */
import Stripe from "stripe";
import { cardByLast4, type Decline, type TestCard } from "./cards.ts";
import { invalid, missing, SimulatedError, unexpectedState } from "./errors.ts";
import {
  AUTHORISED_SECONDS,
  type NewIntent,
  newBalanceTransaction,
  newCharge,
  newPaymentIntent,
  newPaymentMethod,
  newRefund,
} from "./objects.ts";
import { newId, nowSeconds, type State } from "./state.ts";

type Intent = Stripe.PaymentIntent;

/** What is paid with: a card, and the saved method that it is of, if it is one. */
export interface Means {
  card: TestCard;
  method?: Stripe.PaymentMethod | undefined;
}

/** How somebody pays: where they come back to, or that they are not there. */
export interface Confirmation {
  returnUrl?: string | null;
  offSession?: boolean;
}

const GUEST_NEEDED: Decline = {
  code: "authentication_required",
  declineCode: "authentication_required",
  message: "Your card was declined. This transaction requires authentication.",
};

/** What the simulator can be ordered about payments. */
export interface PaymentSettings {
  /** Confirmed payments stay in `processing` until they are settled by order. */
  holdProcessing: boolean;
  /** A payment in `processing` can be cancelled, which Stripe can do "in rare cases". */
  cancelsProcessing: boolean;
  /** How long balance transactions (automatic_async) and refunds take to follow. */
  settleMs: number;
}

export class Payments {
  /** The API request that causes the present change; written into its events. */
  cause: Stripe.Event.Request | null = null;
  readonly #state: State;
  readonly #settings: PaymentSettings;
  readonly #publish: (event: Stripe.Event) => void;
  readonly #authenticateUrl: (intent: Intent) => string;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(
    state: State,
    settings: PaymentSettings,
    publish: (event: Stripe.Event) => void,
    authenticateUrl: (intent: Intent) => string,
  ) {
    this.#state = state;
    this.#settings = settings;
    this.#publish = publish;
    this.#authenticateUrl = authenticateUrl;
    for (const charge of state.charges.values()) this.#settleCharge(charge);
    for (const refund of state.refunds.values()) this.#settleRefund(refund);
  }

  intent(id: string): Intent {
    return this.#state.paymentIntents.get(id) ?? fail(missing("payment_intent", id, "intent"));
  }

  /** A PaymentIntent as a browser may reach it, that has its client secret and nothing else. */
  intentOfClient(id: string, clientSecret: string): Intent {
    const intent = this.intent(id);
    if (intent.client_secret === clientSecret) return intent;
    const message = "The client_secret provided does not match this PaymentIntent.";
    throw invalid(message, { param: "client_secret" });
  }

  create(order: NewIntent, means?: Means): Intent {
    const intent = this.#state.put(this.#state.paymentIntents, newPaymentIntent(order));
    this.emit("payment_intent.created", intent);
    if (means) this.#attach(intent, means);
    return intent;
  }

  update(
    intent: Intent,
    changes: Pick<Intent, "description" | "metadata" | "setup_future_usage" | "transfer_group">,
  ): Intent {
    Object.assign(intent, changes);
    this.#state.changed();
    return intent;
  }

  /** Tries to pay; throws 402 card_error when the bank refuses, or wants a guest who is away. */
  confirm(
    intent: Intent,
    means: Means | undefined,
    { returnUrl = null, offSession = false }: Confirmation = {},
  ): Intent {
    if (!/^requires_(payment_method|confirmation|action)$/.test(intent.status)) {
      const message = `You cannot confirm this PaymentIntent because it is ${intent.status}.`;
      throw unexpectedState(intent, message);
    }
    if (means) this.#attach(intent, means);
    if (!intent.payment_method) {
      const message =
        "You cannot confirm this PaymentIntent because it's missing a payment method.";
      throw unexpectedState(intent, message);
    }
    intent.last_payment_error = null;
    const { authenticate } = this.#cardOf(intent);
    const isSaved = this.#methodOf(intent)?.customer != null;
    if (!authenticate || (authenticate === "unless saved" && isSaved && offSession)) {
      return this.#process(intent);
    }
    if (offSession) return this.#charge(intent, { ...this.#cardOf(intent), decline: GUEST_NEEDED });
    intent.status = "requires_action";
    intent.next_action = {
      redirect_to_url: { return_url: returnUrl, url: this.#authenticateUrl(intent) },
      type: "redirect_to_url",
    };
    this.emit("payment_intent.requires_action", intent);
    return intent;
  }

  /** The guest's answer to 3-D Secure; throws 402 when the bank then refuses the charge. */
  authenticate(intent: Intent, approved: boolean): Intent {
    if (intent.status !== "requires_action") {
      throw unexpectedState(intent, `This PaymentIntent is ${intent.status}, nothing to approve.`);
    }
    intent.next_action = null;
    if (approved) return this.#process(intent);
    this.#refuse(intent, {
      code: "payment_intent_authentication_failure",
      message: "The provided payment method has failed authentication.",
    });
    return intent;
  }

  /** Ends a payment that was held in `processing`. */
  settle(intent: Intent, succeeds: boolean): Intent {
    if (intent.status !== "processing") {
      throw unexpectedState(intent, `This PaymentIntent is ${intent.status}, not processing.`);
    }
    const declined = { code: "card_declined", message: "Your card was declined." };
    const card = this.#cardOf(intent);
    try {
      return this.#charge(intent, succeeds ? card : { ...card, decline: declined });
    } catch (error) {
      if (error instanceof SimulatedError) return intent;
      throw error;
    }
  }

  capture(intent: Intent, amount: number = intent.amount_capturable): Intent {
    if (intent.status !== "requires_capture") {
      const message = `This PaymentIntent could not be captured because it is ${intent.status}.`;
      throw unexpectedState(intent, message);
    }
    if (amount > intent.amount_capturable) {
      const message = "The amount to capture is greater than the amount that can be captured.";
      throw invalid(message, { code: "amount_too_large", param: "amount_to_capture" });
    }
    const charge = this.#latestCharge(intent);
    charge.captured = true;
    charge.amount_captured = amount;
    charge.amount_refunded = charge.amount - amount;
    this.#settleCharge(charge);
    this.emit("charge.captured", charge);
    return this.#succeed(intent, amount);
  }

  /** The banks let go of what they have set aside for too long. */
  endAuthorisations(): void {
    for (const intent of this.#state.paymentIntents.values()) {
      if (intent.status !== "requires_capture") continue;
      const since = this.#latestCharge(intent).created;
      if (since + AUTHORISED_SECONDS <= nowSeconds()) this.cancel(intent, "automatic");
    }
  }

  cancel(intent: Intent, reason: Intent["cancellation_reason"]): Intent {
    const isStuck = intent.status === "processing" && !this.#settings.cancelsProcessing;
    if (isStuck || !/^(requires_|processing$)/.test(intent.status)) {
      const message =
        `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. ` +
        "Only a PaymentIntent with one of the following statuses may be canceled: " +
        "requires_payment_method, requires_capture, requires_confirmation, requires_action.";
      throw unexpectedState(intent, message);
    }
    if (intent.status === "requires_capture") {
      const charge = this.#latestCharge(intent);
      Object.assign(charge, { amount_refunded: charge.amount, refunded: true });
      this.emit("charge.refunded", charge);
    }
    intent.status = "canceled";
    intent.amount_capturable = 0;
    intent.canceled_at = nowSeconds();
    intent.cancellation_reason = reason;
    intent.next_action = null;
    this.emit("payment_intent.canceled", intent);
    return intent;
  }

  /** Gives back `amount`, or all that is left where it is undefined. */
  refund(
    charge: Stripe.Charge,
    amount: number | undefined,
    reason: Stripe.Refund.Reason | null,
    metadata: Record<string, string>,
  ): Stripe.Refund {
    if (!charge.captured) throw invalid(`Charge ${charge.id} has not been captured.`);
    const left = charge.amount - charge.amount_refunded;
    if (left === 0) {
      const message = `Charge ${charge.id} has already been refunded.`;
      throw invalid(message, { code: "charge_already_refunded" });
    }
    if (amount !== undefined && amount > left) {
      const message = `Refund amount (${amount}) is greater than what is unrefunded (${left}).`;
      throw invalid(message, { code: "amount_too_large", param: "amount" });
    }
    const pending = cardOfCharge(charge).refund === "pending";
    const refund = newRefund(
      charge,
      amount ?? left,
      pending ? "pending" : "succeeded",
      reason,
      metadata,
    );
    refund.balance_transaction = this.#move(refund, "refund", -refund.amount).id;
    this.#state.put(this.#state.refunds, refund);
    this.#refunded(charge, refund.amount);
    this.emit("refund.created", refund);
    this.emit("charge.refunded", charge);
    this.#settleRefund(refund);
    return refund;
  }

  /** Moves a refund on, as banks do later: also a succeeded one may yet fail. */
  settleRefund(
    id: string,
    status: "succeeded" | "failed",
    failureReason = "unknown",
  ): Stripe.Refund {
    const refund = this.#state.refunds.get(id) ?? fail(missing("refund", id, "refund"));
    if (refund.status === status || refund.status === "failed") {
      throw invalid(`Refund ${id} has already ${refund.status}.`);
    }
    refund.status = status;
    delete refund.pending_reason;
    if (status === "failed") {
      refund.failure_reason = failureReason;
      refund.failure_balance_transaction = this.#move(refund, "refund_failure", refund.amount).id;
      const charge = this.#state.charges.get(String(refund.charge));
      if (charge) this.#refunded(charge, -refund.amount);
    }
    this.emit("refund.updated", refund);
    if (status === "failed") this.emit("refund.failed", refund);
    return refund;
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #attach(intent: Intent, { card, method: saved }: Means): void {
    if (saved && saved.customer !== intent.customer) {
      const message = `The customer does not have a payment method with the ID ${saved.id}.`;
      throw invalid(message, { code: "resource_missing", param: "payment_method" });
    }
    const method = saved ?? this.#state.put(this.#state.paymentMethods, newPaymentMethod(card));
    intent.payment_method = method.id;
    intent.next_action = null;
    intent.status = "requires_confirmation";
  }

  #process(intent: Intent): Intent {
    if (!this.#settings.holdProcessing) return this.#charge(intent, this.#cardOf(intent));
    intent.status = "processing";
    this.emit("payment_intent.processing", intent);
    return intent;
  }

  #charge(intent: Intent, card: TestCard): Intent {
    const captured = intent.capture_method !== "manual";
    const charge = this.#state.put(this.#state.charges, newCharge(intent, card, captured));
    intent.latest_charge = charge.id;
    if (card.decline) {
      this.emit("charge.failed", charge);
      throw this.#refuse(intent, card.decline, charge.id);
    }
    this.#settleCharge(charge);
    this.emit("charge.succeeded", charge);
    this.#saveMethod(intent);
    if (captured) return this.#succeed(intent, intent.amount);
    intent.status = "requires_capture";
    intent.amount_capturable = intent.amount;
    this.emit("payment_intent.amount_capturable_updated", intent);
    return intent;
  }

  /** Keeps what was paid with for the customer, where that was asked for. */
  #saveMethod(intent: Intent): void {
    const method = this.#methodOf(intent);
    if (intent.setup_future_usage === null || typeof intent.customer !== "string") return;
    if (!method || method.customer !== null) return;
    method.customer = intent.customer;
    this.emit("payment_method.attached", method);
  }

  #succeed(intent: Intent, amount: number): Intent {
    intent.status = "succeeded";
    intent.amount_received = amount;
    intent.amount_capturable = 0;
    this.emit("payment_intent.succeeded", intent);
    return intent;
  }

  /** Puts the PaymentIntent back to where another card may be tried, and says why. */
  #refuse(intent: Intent, decline: Decline, charge?: string): SimulatedError {
    const method = this.#methodOf(intent);
    const error = {
      type: charge === undefined ? ("invalid_request_error" as const) : ("card_error" as const),
      code: decline.code,
      message: decline.message,
      ...(decline.declineCode !== undefined && { decline_code: decline.declineCode }),
      ...(charge !== undefined && { charge }),
      ...(method && { payment_method: method }),
    };
    intent.status = "requires_payment_method";
    intent.payment_method = null;
    intent.last_payment_error = error;
    this.emit("payment_intent.payment_failed", intent);
    return new SimulatedError(402, { ...error, payment_intent: structuredClone(intent) });
  }

  #cardOf(intent: Intent): TestCard {
    return cardByLast4(this.#methodOf(intent)?.card?.last4);
  }

  #methodOf({ payment_method: id }: Intent): Stripe.PaymentMethod | undefined {
    return this.#state.paymentMethods.get(String(id));
  }

  #latestCharge(intent: Intent): Stripe.Charge {
    const id = String(intent.latest_charge);
    return this.#state.charges.get(id) ?? fail(missing("charge", id, "charge"));
  }

  /** Books a captured charge: at once, or a moment later where the capture is asynchronous. */
  #settleCharge(charge: Stripe.Charge): void {
    if (!charge.captured || charge.balance_transaction) return;
    const book = () => {
      charge.balance_transaction = this.#move(charge, "charge", charge.amount_captured).id;
    };
    const intent = this.#state.paymentIntents.get(String(charge.payment_intent));
    if (intent?.capture_method === "automatic_async") {
      this.#later(() => {
        book();
        this.emit("charge.updated", charge, { balance_transaction: null });
      });
    } else {
      book();
    }
  }

  #settleRefund(refund: Stripe.Refund): void {
    const charge = this.#state.charges.get(String(refund.charge));
    const fate = charge && cardOfCharge(charge).refund;
    const pending = refund.status === "pending";
    if (fate === "pending" && pending) this.#later(() => this.#settleOnce(refund, "succeeded"));
    if (fate === "fails" && !pending) this.#later(() => this.#settleOnce(refund, "failed"));
  }

  #settleOnce(refund: Stripe.Refund, status: "succeeded" | "failed"): void {
    const done = refund.status === status || refund.status === "failed";
    if (!done) this.settleRefund(refund.id, status);
  }

  #refunded(charge: Stripe.Charge, amount: number): void {
    charge.amount_refunded += amount;
    charge.refunded = charge.amount_refunded === charge.amount;
  }

  #move(...args: Parameters<typeof newBalanceTransaction>): Stripe.BalanceTransaction {
    return this.#state.put(this.#state.balanceTransactions, newBalanceTransaction(...args));
  }

  #later(action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, this.#settings.settleMs);
    this.#timers.add(timer);
  }

  /** Tells of something that has happened to an object. */
  emit(type: Stripe.Event["type"], object: { id: string }, previous?: object): void {
    const event = {
      id: newId("evt"),
      object: "event",
      api_version: Stripe.API_VERSION,
      created: nowSeconds(),
      data: {
        object: structuredClone(object),
        ...(previous && { previous_attributes: previous }),
      },
      livemode: false,
      pending_webhooks: 0,
      request: this.cause,
      type,
    } as Stripe.Event; // The union cannot be told from a type that is only known when it runs.
    this.#state.put(this.#state.events, event);
    this.#publish(event);
  }
}

/** What somebody who only has the client secret may see of a PaymentIntent. */
export function publicView(intent: Intent): Partial<Intent> & { id: string } {
  const { customer, latest_charge, metadata, transfer_data, transfer_group, ...seen } = intent;
  return seen;
}

function cardOfCharge(charge: Stripe.Charge): TestCard {
  return cardByLast4(charge.payment_method_details?.card?.last4);
}

function fail(error: Error): never {
  throw error;
}
