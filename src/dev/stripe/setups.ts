/**
 * The rules of SetupIntents and of saved payment methods: a guest keeps a card for later without
 * paying anything now. It knows nothing of HTTP; every step is one synchronous change.
 */
import type Stripe from "stripe";
import { cardByLast4, cardByName, type TestCard } from "./cards.ts";
import { invalid, missing, SimulatedError } from "./errors.ts";
import { type NewSetup, newPaymentMethod, newSetupIntent } from "./objects.ts";
import type { Means, Payments } from "./payments.ts";
import type { State } from "./state.ts";

type Setup = Stripe.SetupIntent;

export class Setups {
  readonly #state: State;
  readonly #payments: Payments;
  readonly #authenticateUrl: (setup: Setup) => string;

  constructor(state: State, payments: Payments, authenticateUrl: (setup: Setup) => string) {
    this.#state = state;
    this.#payments = payments;
    this.#authenticateUrl = authenticateUrl;
  }

  setup(id: string): Setup {
    const setup = this.#state.setupIntents.get(id);
    if (!setup) throw missing("setupintent", id, "intent");
    return setup;
  }

  /** A SetupIntent as a browser may reach it, that has its client secret and nothing else. */
  setupOfClient(id: string, clientSecret: string): Setup {
    const setup = this.setup(id);
    if (setup.client_secret === clientSecret) return setup;
    const message = "The client_secret provided does not match this SetupIntent.";
    throw invalid(message, { param: "client_secret" });
  }

  create(order: NewSetup): Setup {
    const setup = this.#state.put(this.#state.setupIntents, newSetupIntent(order));
    this.#payments.emit("setup_intent.created", setup);
    return setup;
  }

  /** Tries to keep a card; throws 402 card_error when the bank refuses it. */
  confirm(setup: Setup, card: TestCard | undefined, returnUrl: string | null = null): Setup {
    if (setup.status !== "requires_payment_method") {
      throw unexpected(setup, `You cannot confirm this SetupIntent because it is ${setup.status}.`);
    }
    if (!card) {
      const message = "You cannot confirm this SetupIntent because it's missing a payment method.";
      throw unexpected(setup, message);
    }
    const method = this.#state.put(this.#state.paymentMethods, newPaymentMethod(card));
    setup.payment_method = method.id;
    setup.last_setup_error = null;
    if (card.decline && !card.authenticate) throw this.#refuse(setup, card);
    if (!card.authenticate) return this.#succeed(setup, method);
    setup.status = "requires_action";
    setup.next_action = {
      redirect_to_url: { return_url: returnUrl, url: this.#authenticateUrl(setup) },
      type: "redirect_to_url",
    };
    this.#payments.emit("setup_intent.requires_action", setup);
    return setup;
  }

  /** The guest's answer to 3-D Secure. */
  authenticate(setup: Setup, approved: boolean): Setup {
    const method = this.#state.paymentMethods.get(String(setup.payment_method));
    if (setup.status !== "requires_action" || !method) {
      throw unexpected(setup, `This SetupIntent is ${setup.status}, nothing to approve.`);
    }
    setup.next_action = null;
    if (approved) return this.#succeed(setup, method);
    this.#refuse(setup, cardByLast4(method.card?.last4));
    return setup;
  }

  cancel(setup: Setup): Setup {
    if (!setup.status.startsWith("requires_")) {
      throw unexpected(setup, `You cannot cancel this SetupIntent because it is ${setup.status}.`);
    }
    Object.assign(setup, { status: "canceled", next_action: null });
    this.#payments.emit("setup_intent.canceled", setup);
    return setup;
  }

  /** A saved method is saved no more, and cannot be used again. */
  detach(id: string): Stripe.PaymentMethod {
    const method = this.#state.paymentMethods.get(id);
    if (!method) throw missing("PaymentMethod", id, "payment_method");
    if (method.customer === null) {
      throw invalid("The payment method you provided is not attached to a customer.");
    }
    method.customer = null;
    this.#payments.emit("payment_method.detached", method);
    return method;
  }

  /** Forgets a customer for good, and lets go of the cards. */
  deleteCustomer(id: string): Stripe.DeletedCustomer {
    if (!this.#state.customers.delete(id)) throw missing("customer", id, "id");
    for (const method of this.#state.paymentMethods.values()) {
      if (method.customer === id) method.customer = null;
    }
    return { id, object: "customer", deleted: true };
  }

  #succeed(setup: Setup, method: Stripe.PaymentMethod): Setup {
    setup.status = "succeeded";
    method.customer = typeof setup.customer === "string" ? setup.customer : null;
    this.#payments.emit("payment_method.attached", method);
    this.#payments.emit("setup_intent.succeeded", setup);
    return setup;
  }

  /** Puts the SetupIntent back to where another card may be tried, and says why. */
  #refuse(setup: Setup, card: TestCard): SimulatedError {
    const refused = card.decline ?? {
      code: "setup_intent_authentication_failure",
      message: "The provided payment method has failed authentication.",
    };
    const error = { type: "card_error" as const, code: refused.code, message: refused.message };
    Object.assign(setup, {
      status: "requires_payment_method",
      payment_method: null,
      last_setup_error: error,
    });
    this.#payments.emit("setup_intent.setup_failed", setup);
    return new SimulatedError(402, error);
  }
}

/**
 * A test card by its name, or the payment method of an id, where it is saved.
 * @throws {SimulatedError} 400 for a method that was used without being saved, as Stripe refuses it
 */
export function meansByName(state: State, name: string): Means {
  const method = state.paymentMethods.get(name);
  if (!method) return { card: cardByName(name) };
  if (method.customer === null) {
    const message =
      "This PaymentMethod was previously used without being attached to a Customer or was " +
      "detached from a Customer, and may not be used again.";
    throw invalid(message, { param: "payment_method" });
  }
  return { card: cardByLast4(method.card?.last4), method };
}

/** What somebody who only has the client secret may see of a SetupIntent. */
export function publicSetup(setup: Setup): Partial<Setup> & { id: string } {
  const { customer, metadata, ...seen } = setup;
  return seen;
}

function unexpected(setup: Setup, message: string): SimulatedError {
  return invalid(message, { code: "setup_intent_unexpected_state", param: setup.id });
}
