/**
 * The errors that the simulated Stripe answers, with Stripe's own types, codes and statuses.
 * It says how an error looks on the wire, not when one is raised.
 */
import type Stripe from "stripe";

/** The `error` member of an error body, as Stripe documents it. */
export interface ErrorBody {
  type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error";
  message: string;
  code?: string;
  param?: string;
  decline_code?: string;
  charge?: string;
  payment_intent?: Stripe.PaymentIntent;
  payment_method?: Stripe.PaymentMethod;
}

/** Thrown anywhere in the simulator; the HTTP layer answers `status` and `{ error: body }`. */
export class SimulatedError extends Error {
  readonly status: number;
  readonly body: ErrorBody;

  constructor(status: number, body: ErrorBody) {
    super(body.message);
    this.status = status;
    this.body = body;
  }
}

/** 400: the request cannot be understood or is not allowed now. */
export function invalid(message: string, more: Partial<ErrorBody> = {}): SimulatedError {
  return new SimulatedError(400, { type: "invalid_request_error", message, ...more });
}

/** 404: no object of that kind has that id. */
export function missing(kind: string, id: string, param: string): SimulatedError {
  const message = `No such ${kind}: '${id}'`;
  const type = "invalid_request_error";
  return new SimulatedError(404, { type, code: "resource_missing", message, param });
}

/** 400: the PaymentIntent's status forbids what was asked. */
export function unexpectedState(intent: Stripe.PaymentIntent, message: string): SimulatedError {
  const code = "payment_intent_unexpected_state";
  return invalid(message, { code, payment_intent: structuredClone(intent) });
}
