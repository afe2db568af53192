/**
 * The webhook endpoints of the account, and which of them gets which event. Each has a queue of
 * its own: one that is down holds up nobody else.
 */
import type Stripe from "stripe";
import { missing } from "./errors.ts";
import { type Addressee, Queue, type QueueSettings, type RetrySettings } from "./queue.ts";
import { type Delivery, FIRST_ENDPOINT, newId, type State } from "./state.ts";

const GATHER_MS = 50;

export interface WebhookOptions {
  /** Signs what goes to the first endpoint. */
  secret: string;
  retry: RetrySettings;
  warn: (message: string) => void;
}

export class Webhooks {
  readonly #state: State;
  readonly #settings: QueueSettings;
  readonly #options: WebhookOptions;
  readonly #queues = new Map<string, Queue>();
  #firstUrl: string | undefined;

  constructor(state: State, settings: QueueSettings, options: WebhookOptions) {
    this.#state = state;
    this.#settings = settings;
    this.#options = options;
  }

  /** The address of the first endpoint; until there is one its events wait. */
  setUrl(url: string | undefined): void {
    this.#firstUrl = url;
    this.wake();
  }

  /** Queues an event once more at each endpoint that takes it, to be sent `times` times. */
  redeliver(eventId: string, times = 1): void {
    const event = this.#state.events.get(eventId);
    if (!event) throw missing("event", eventId, "event");
    for (const endpoint of this.#endpointsOf(event)) {
      const isOf = (each: Delivery) => each.event === eventId && each.endpoint === endpoint;
      const lost = [...this.#state.undelivered.values()].filter(isOf);
      for (const { id } of lost) this.#state.undelivered.delete(id);
      const isOwed = lost.some((each) => each.isOwed);
      this.#add({ event: eventId, endpoint, isOwed, copies: times - 1, waitMs: 0 });
    }
    this.wake();
  }

  /** Queues a new event at each endpoint that takes it, as the settings say now. */
  publish(event: Stripe.Event): void {
    const { delayMs, duplicate: copies, reorder } = this.#settings;
    const waitMs = Math.max(delayMs, reorder ? GATHER_MS : 0);
    const endpoints = this.#endpointsOf(event);
    event.pending_webhooks = endpoints.length;
    for (const endpoint of endpoints) {
      this.#add({ event: event.id, endpoint, isOwed: true, copies, waitMs });
    }
    this.wake();
  }

  /** To be called when anything changed that deliveries depend on. */
  wake(): void {
    const waiting = [...this.#state.deliveries.values()].map(({ endpoint }) => endpoint);
    for (const endpoint of new Set(waiting)) this.#queueOf(endpoint).wake();
  }

  /** An endpoint is no more; what waits for it is forgotten. */
  forget(endpoint: string): void {
    for (const table of [this.#state.deliveries, this.#state.undelivered]) {
      for (const delivery of table.values()) {
        if (delivery.endpoint !== endpoint) continue;
        table.delete(delivery.id);
        const event = this.#state.events.get(delivery.event);
        if (event && delivery.isOwed) event.pending_webhooks -= 1;
      }
    }
    this.#state.changed();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }

  #endpointsOf(event: Stripe.Event): string[] {
    const takers = [...this.#state.webhookEndpoints.values()].filter(
      ({ status, enabled_events: types }) =>
        status === "enabled" && (types.includes("*") || types.includes(event.type)),
    );
    return [FIRST_ENDPOINT, ...takers.map(({ id }) => id)];
  }

  #addressee(endpoint: string): Addressee | undefined {
    if (endpoint === FIRST_ENDPOINT) {
      const { secret } = this.#options;
      return this.#firstUrl === undefined ? undefined : { url: this.#firstUrl, secret };
    }
    const { url, secret = "" } = this.#state.webhookEndpoints.get(endpoint) ?? {};
    return url === undefined ? undefined : { url, secret };
  }

  #queueOf(endpoint: string): Queue {
    const known = this.#queues.get(endpoint);
    if (known) return known;
    const queue = new Queue(this.#state, this.#settings, {
      ...this.#options,
      endpoint,
      addressee: () => this.#addressee(endpoint),
    });
    this.#queues.set(endpoint, queue);
    return queue;
  }

  #add(order: Pick<Delivery, "event" | "endpoint" | "isOwed" | "copies"> & { waitMs: number }) {
    const { waitMs, ...delivery } = order;
    this.#state.put(this.#state.deliveries, {
      id: newId("whd"),
      ...delivery,
      attempts: 0,
      dueAt: Date.now() + waitMs,
      lastResult: null,
    });
  }
}
