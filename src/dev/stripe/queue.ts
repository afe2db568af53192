/**
 * Delivers events to one webhook endpoint: signed, in order, again until a 2xx or a bound,
 * and spoiled in the ways that were ordered. It does not decide which events there are.
 */
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Delivery, State } from "./state.ts";

/** How deliveries can be spoiled on order; all zero or false at first. */
export interface QueueSettings {
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

/** Where an endpoint is, and what its events are signed with. */
export interface Addressee {
  url: string;
  secret: string;
}

const ANSWER_WITHIN_MS = 10_000;

interface QueueOptions {
  endpoint: string;
  /** Undefined while there is nowhere to send to. */
  addressee: () => Addressee | undefined;
  retry: RetrySettings;
  warn: (message: string) => void;
}

export class Queue {
  readonly #state: State;
  readonly #settings: QueueSettings;
  readonly #options: QueueOptions;
  readonly #closed = new AbortController();
  #waiting = new AbortController();
  #active = false;
  #running: Promise<void> = Promise.resolve();

  constructor(state: State, settings: QueueSettings, options: QueueOptions) {
    this.#state = state;
    this.#settings = settings;
    this.#options = options;
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

  async #run(): Promise<void> {
    for (;;) {
      const next = this.#next();
      const addressee = this.#options.addressee();
      if (!next || !addressee || this.#settings.paused || this.#closed.signal.aborted) {
        this.#active = false;
        return;
      }
      const waitMs = next.dueAt - Date.now();
      if (waitMs > 0) {
        this.#waiting = new AbortController();
        await sleep(waitMs, undefined, { signal: this.#waiting.signal }).catch(() => undefined);
      } else {
        await this.#deliver(next, addressee);
      }
    }
  }

  #next(): Delivery | undefined {
    let next: Delivery | undefined;
    for (const delivery of this.#state.deliveries.values()) {
      if (delivery.endpoint !== this.#options.endpoint) continue;
      next = delivery;
      if (!this.#settings.reorder) break;
    }
    return next;
  }

  async #deliver(delivery: Delivery, addressee: Addressee): Promise<void> {
    const event = this.#state.events.get(delivery.event);
    if (!event) return this.#finish(delivery);
    if (this.#settings.dropNext > 0) {
      this.#settings.dropNext -= 1;
      delivery.lastResult = "dropped";
      return this.#lose(delivery);
    }
    const result = await this.#post(addressee, JSON.stringify(event, null, 2));
    // Its endpoint may have been removed in the meantime, and with it what it was owed.
    const isForgotten = !this.#state.deliveries.has(delivery.id);
    if (this.#closed.signal.aborted || isForgotten) return;
    delivery.attempts += 1;
    delivery.lastResult = String(result);
    if (typeof result === "number" && result >= 200 && result < 300) {
      if (delivery.isOwed) event.pending_webhooks -= 1;
      delivery.isOwed = false;
      if (delivery.copies === 0) return this.#finish(delivery);
      delivery.copies -= 1;
    } else if (delivery.attempts >= this.#options.retry.attempts) {
      this.#options.warn(`Gave up event ${event.id} (${event.type}) after ${result}.`);
      return this.#lose(delivery);
    } else {
      const { firstMs, mostMs } = this.#options.retry;
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
  async #post({ url, secret }: Addressee, body: string): Promise<number | string> {
    const time = Math.floor(Date.now() / 1000);
    const signature = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
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
