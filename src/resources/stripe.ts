/**
 * The real Stripe SDK, pointed at Stripe or at the simulator, once for requests and once for jobs.
 * It knows no payment: what is charged, with which key and what follows is decided in SQL and jobs.
 */
import {
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
  isBrokenCircuitError,
} from "cockatiel";
import { Stripe } from "stripe";
import type { CompleteConfig } from "../config/index.ts";
import { ApiError } from "../errors.ts";
import type { Logger } from "./logger.ts";

/** Failures in a row after which Stripe is left alone. */
const MOST_FAILURES = 10;

/** For how long it is left alone before one request tries again, in seconds. */
const PAUSE_SECONDS = 10;

export interface StripeClients {
  /** For a person who waits: gives up after 8 seconds. */
  readonly requests: Stripe;
  /** For the worker: gives up after 30 seconds. */
  readonly jobs: Stripe;
}

/**
 * Two clients that differ in their patience alone. They share a breaker: when Stripe does not
 * answer many times in a row, nobody waits for it in vain for a while. They hold nothing that must
 * be closed.
 */
export function createStripe(
  config: Pick<CompleteConfig, "stripe">,
  logger?: Pick<Logger, "warn" | "info">,
): StripeClients {
  const { secretKey, apiUrl } = config.stripe;
  const breaker = circuitBreaker(
    handleAll.orWhenResult((response) => statusOf(response) >= 500),
    { halfOpenAfter: PAUSE_SECONDS * 1000, breaker: new ConsecutiveBreaker(MOST_FAILURES) },
  );
  breaker.onBreak(() => logger?.warn("Stripe does not answer and is left alone for a while"));
  breaker.onReset(() => logger?.info("Stripe answers again"));
  const client = (timeout: number): Stripe =>
    new Stripe(secretKey, {
      timeout,
      // Repeating is ours: a time-out is not a failure, so our job repeats with the key that
      // derives from the row, and a person does not wait for hidden repeats. (The SDK still repeats
      // a dropped connection once, therefore every write must carry an idempotency key.)
      maxNetworkRetries: 0,
      telemetry: false,
      httpClient: guarded(breaker),
      ...(apiUrl === undefined ? {} : addressOf(apiUrl)),
    });
  return { requests: client(8000), jobs: client(30_000) };
}

/** The SDK's own client, behind the breaker. An answer that refuses something is no failure. */
function guarded(breaker: CircuitBreakerPolicy): ReturnType<typeof Stripe.createNodeHttpClient> {
  const client = Stripe.createNodeHttpClient();
  const makeRequest = client.makeRequest.bind(client);
  client.makeRequest = (...request) => breaker.execute(() => makeRequest(...request));
  return client;
}

function statusOf(response: unknown): number {
  if (typeof response !== "object" || response === null) return 0;
  return "getStatusCode" in response && typeof response.getStatusCode === "function"
    ? Number(response.getStatusCode())
    : 0;
}

/**
 * What a client is told of an error of Stripe's. A time-out or a 5xx says nothing of what happened:
 * the client repeats, and the key finds it. A refusal is final.
 * @throws what is no error of Stripe's, as it is
 */
export function stripeApiError(error: unknown): ApiError {
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  if (isBrokenCircuitError(error.detail)) {
    return new ApiError("PAYMENT_UNAVAILABLE", undefined, {
      cause: error,
      details: { retryAfterSeconds: PAUSE_SECONDS },
    });
  }
  const code = isRefusal(error) ? "PAYMENT_REFUSED" : "PAYMENT_PROVIDER";
  return new ApiError(code, undefined, { cause: error });
}

/** Whether Stripe has decided, so that the same request again gets the same answer. */
export function isRefusal({ statusCode = 500 }: Stripe.errors.StripeError): boolean {
  // 409: a request with this key is running. 429: too many at once.
  return statusCode < 500 && statusCode !== 409 && statusCode !== 429;
}

/** Whether Stripe runs another request for the same thing right now, and the same request helps. */
export function isBusy(error: unknown): boolean {
  if (!(error instanceof Stripe.errors.StripeError)) return false;
  return error.statusCode === 409 || error.headers?.["stripe-should-retry"] === "true";
}

/** Whether Stripe repeats a failure of its own that it keeps under the key of the request. */
export function isKeptFailure(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeError &&
    (error.statusCode ?? 0) >= 500 &&
    error.headers?.["idempotent-replayed"] === "true"
  );
}

/** Whether Stripe does not know the object: it is of another account, or of a test. */
export function isUnknown(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code === "resource_missing";
}

function addressOf(apiUrl: string): { host: string; port: string; protocol: "http" | "https" } {
  const url = new URL(apiUrl);
  const protocol = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (protocol === "https" ? "443" : "80") : url.port;
  return { host: url.hostname, port, protocol };
}
