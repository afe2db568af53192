/**
 * Delivers events to the webhook endpoint: signed, in order, again until a 2xx or a bound,
 * and spoiled in the ways that were ordered. It does not decide which events there are.
 */
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type Stripe from "stripe";
import { missing } from "./errors.ts";
import { type Delivery, newId, type State } from "./state.ts";

/** How deliveries can be spoiled on order; all zero or false at first. */
export interface WebhookSettings {
  /** Each event waits this long before it is sent. */
  delayMs: number;
  /** The next so many events are not sent; they stay undelivered. */
  dropNext: number;
  /** Every event is sent this many times more. */
  duplicate: number;
  /** The newest waiting event goes first; each waits 50 ms for a newer one. */
  reorder: boolean;
  /** Nothing is sent; events gather. */
  paused: boolean;
}

/** Times in milliseconds; the pause doubles from `firstMs` to `mostMs`. */
export interface RetrySettings {
  attempts: number;
  firstMs: number;
  mostMs: number;
}

const ANSWER_WITHIN_MS = 10_000;
const GATHER_MS = 50;

export class Webhooks {
  readonly #state: State;
  readonly #secret: string;
  readonly #retry: RetrySettings;
  readonly #settings: WebhookSettings;
  readonly #warn: (message: string) => void;
  readonly #closed = new AbortController();
  #url: string | undefined;
  #waiting = new AbortController();
  #active = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    state: State,
    settings: WebhookSettings,
    options: { secret: string; retry: RetrySettings; warn: (message: string) => void },
  ) {
    this.#state = state;
    this.#settings = settings;
    this.#secret = options.secret;
    this.#retry = options.retry;
    this.#warn = options.warn;
  }

  /** Until there is an address events wait. */
  setUrl(url: string | undefined): void {
    this.#url = url;
    this.wake();
  }

  /** Queues an event once more, to be sent `times` times. */
  redeliver(eventId: string, times = 1): void {
    if (!this.#state.events.has(eventId)) throw missing("event", eventId, "event");
    for (const lost of this.#state.undelivered.values()) {
      if (lost.event === eventId) this.#state.undelivered.delete(lost.id);
    }
    this.#queue(eventId, times - 1, 0);
  }

  /** Queues a new event, as the settings say now. */
  publish(event: Stripe.Event): void {
    const { delayMs, duplicate, reorder } = this.#settings;
    this.#queue(event.id, duplicate, Math.max(delayMs, reorder ? GATHER_MS : 0));
  }

  /** To be called when anything changed that deliveries depend on. */
  wake(): void {
    this.#waiting.abort();
    if (this.#active) return;
    this.#active = true;
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#waiting.abort();
    await this.#running;
  }

  #queue(event: string, copies: number, waitMs: number): void {
    const dueAt = Date.now() + waitMs;
    const id = newId("whd");
    this.#state.put(this.#state.deliveries, {
      id,
      event,
      attempts: 0,
      dueAt,
      copies,
      lastResult: null,
    });
    this.wake();
  }

  async #run(): Promise<void> {
    for (;;) {
      const queue = this.#state.deliveries.values();
      const next = this.#settings.reorder ? [...queue].at(-1) : queue.next().value;
      const url = this.#url;
      if (!next || !url || this.#settings.paused || this.#closed.signal.aborted) {
        this.#active = false;
        return;
      }
      const waitMs = next.dueAt - Date.now();
      if (waitMs > 0) {
        this.#waiting = new AbortController();
        await sleep(waitMs, undefined, { signal: this.#waiting.signal }).catch(() => undefined);
      } else {
        await this.#deliver(next, url);
      }
    }
  }

  async #deliver(delivery: Delivery, url: string): Promise<void> {
    const event = this.#state.events.get(delivery.event);
    if (!event) return this.#finish(delivery);
    if (this.#settings.dropNext > 0) {
      this.#settings.dropNext -= 1;
      delivery.lastResult = "dropped";
      return this.#lose(delivery);
    }
    const result = await this.#post(url, JSON.stringify(event, null, 2));
    if (this.#closed.signal.aborted) return;
    delivery.attempts += 1;
    delivery.lastResult = String(result);
    if (typeof result === "number" && result >= 200 && result < 300) {
      event.pending_webhooks = 0;
      if (delivery.copies === 0) return this.#finish(delivery);
      delivery.copies -= 1;
    } else if (delivery.attempts >= this.#retry.attempts) {
      this.#warn(`Gave up event ${event.id} (${event.type}) after ${result}.`);
      return this.#lose(delivery);
    } else {
      const { firstMs, mostMs } = this.#retry;
      delivery.dueAt = Date.now() + Math.min(mostMs, firstMs * 2 ** (delivery.attempts - 1));
    }
    this.#state.changed();
  }

  #finish(delivery: Delivery): void {
    this.#state.deliveries.delete(delivery.id);
    this.#state.changed();
  }

  #lose(delivery: Delivery): void {
    this.#state.deliveries.delete(delivery.id);
    this.#state.put(this.#state.undelivered, delivery);
  }

  /** The status of the answer, or what went wrong in words. Redirects are not followed. */
  async #post(url: string, body: string): Promise<number | string> {
    const time = Math.floor(Date.now() / 1000);
    const signature = createHmac("sha256", this.#secret).update(`${time}.${body}`).digest("hex");
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json; charset=utf-8",
          "stripe-signature": `t=${time},v1=${signature}`,
          "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        },
        body,
        redirect: "manual",
        signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
      });
      await answer.body?.cancel();
      return answer.status;
    } catch (error) {
      if (!(error instanceof Error)) return String(error);
      return error.cause instanceof Error ? error.cause.message : error.message;
    }
  }
}
