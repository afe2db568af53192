/**
 * Everything the simulator remembers, in bounded tables, and its snapshot in a file.
 * It stores and finds; what may happen to an object is decided in payments.ts.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type Stripe from "stripe";
import { ResourceError } from "../../resources/resourceError.ts";
import { makeFolder } from "../dataFolder.ts";

/** The most objects of a kind that are kept; the oldest make room. */
export const MOST_OBJECTS = 5000;
/** The webhook endpoint that the simulator was started with; the others are made by the API. */
export const FIRST_ENDPOINT = "we_first";
const SAVE_AFTER_MS = 200;

/** One event on its way to a webhook endpoint, or one that did not get there. */
export interface Delivery {
  id: string;
  event: string;
  /** The webhook endpoint that it is for. */
  endpoint: string;
  /** The endpoint has never had the event: it counts in the event's `pending_webhooks`. */
  isOwed: boolean;
  attempts: number;
  /** Not to be sent before this time, milliseconds since the epoch. */
  dueAt: number;
  /** How many more times to send it after its first success. */
  copies: number;
  /** What came of the last attempt: a status, or an error in words. */
  lastResult: string | null;
}

/** The first answer to an idempotency key, to be replayed. `id` holds the scope and the key. */
export interface SavedAnswer {
  id: string;
  path: string;
  form: unknown;
  requestId: string;
  status: number;
  body: string;
  savedAt: number;
}

const TABLES = [
  "customers",
  "paymentIntents",
  "paymentMethods",
  "setupIntents",
  "charges",
  "refunds",
  "balanceTransactions",
  "webhookEndpoints",
  "events",
  "answers",
  "deliveries",
  "undelivered",
] as const;

export class State {
  readonly customers = new Map<string, Stripe.Customer>();
  readonly paymentIntents = new Map<string, Stripe.PaymentIntent>();
  readonly paymentMethods = new Map<string, Stripe.PaymentMethod>();
  readonly setupIntents = new Map<string, Stripe.SetupIntent>();
  readonly charges = new Map<string, Stripe.Charge>();
  readonly refunds = new Map<string, Stripe.Refund>();
  readonly balanceTransactions = new Map<string, Stripe.BalanceTransaction>();
  readonly webhookEndpoints = new Map<string, Stripe.WebhookEndpoint>();
  readonly events = new Map<string, Stripe.Event>();
  readonly answers = new Map<string, SavedAnswer>();
  /** Deliveries in the order of their events. */
  readonly deliveries = new Map<string, Delivery>();
  /** Deliveries that were dropped on order, or given up. */
  readonly undelivered = new Map<string, Delivery>();

  readonly #file: string | undefined;
  readonly #warn: (message: string) => void;
  /** Grows with the account, so that saving never takes more than a tenth of the time. */
  #saveAfterMs = SAVE_AFTER_MS;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** Reads the snapshot where there is one; throws on a file that is not a snapshot. */
  constructor(file: string | undefined, warn: (message: string) => void) {
    this.#file = file;
    this.#warn = warn;
    if (file !== undefined) this.#load(file);
  }

  /** Adds an object, and drops the oldest of its table when there are too many. */
  put<T extends { id: string }>(table: Map<string, T>, object: T): T {
    table.set(object.id, object);
    const oldest = table.keys().next().value;
    if (table.size > MOST_OBJECTS && oldest !== undefined) table.delete(oldest);
    this.changed();
    return object;
  }

  /** The object of an id of any kind that `expand` may ask for. */
  find(id: string): { id: string } | undefined {
    return (
      this.customers.get(id) ??
      this.paymentIntents.get(id) ??
      this.paymentMethods.get(id) ??
      this.setupIntents.get(id) ??
      this.charges.get(id) ??
      this.refunds.get(id) ??
      this.balanceTransactions.get(id)
    );
  }

  /** To be called after every change: the snapshot is written a moment later. */
  changed(): void {
    if (this.#file === undefined || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.save().catch((error) => this.#warn(`The state was not saved: ${error}`));
    }, this.#saveAfterMs);
  }

  /** To be awaited before an answer: what was answered is not forgotten, even by `kill -9`. */
  saved(): Promise<void> {
    return this.#timer === undefined ? this.#writing : this.save();
  }

  /** Writes the snapshot now: into a new file that then takes the place of the old one. */
  async save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const file = this.#file;
    if (file === undefined) return;
    const started = Date.now();
    const tables = TABLES.map((name) => [name, [...this[name].values()]] as const);
    const text = JSON.stringify({ version: 1, ...Object.fromEntries(tables) });
    this.#saveAfterMs = Math.max(SAVE_AFTER_MS, 10 * (Date.now() - started));
    const write = async () => {
      makeFolder(dirname(file));
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    };
    this.#writing = this.#writing.then(write, write);
    await this.#writing;
  }

  #load(file: string): void {
    if (!existsSync(file)) return;
    try {
      const snapshot: Record<string, unknown> = JSON.parse(readFileSync(file, "utf8"));
      if (snapshot.version !== 1) throw new Error("its version is not 1");
      for (const name of TABLES) {
        const table = this[name] as Map<string, { id: string }>;
        // An older file has fewer tables, and knew one webhook endpoint.
        const older = isOfDeliveries(name) ? { endpoint: FIRST_ENDPOINT, isOwed: true } : {};
        for (const record of (snapshot[name] ?? []) as { id: string }[])
          table.set(record.id, { ...older, ...record });
      }
    } catch (cause) {
      const what = `${file} is not a state file of the Stripe simulator`;
      const message = `${what}: delete it to start with an empty account.`;
      throw new ResourceError("DATA_DIR_UNUSABLE", message, { cause });
    }
  }
}

function isOfDeliveries(name: (typeof TABLES)[number]): boolean {
  return name === "deliveries" || name === "undelivered";
}

/** A new id in Stripe's style, such as `pi_Q1w2...`. */
export function newId(prefix: string): string {
  const random = randomBytes(32)
    .toString("base64")
    .replaceAll(/[^a-zA-Z0-9]/g, "");
  return `${prefix}_${random.slice(0, 24)}`;
}

/** How far the account's time is ahead of the machine's. A process has one simulator. */
let aheadSeconds = 0;

/** Moves the time in which things happen here; deliveries and signatures keep the true one. */
export function setClock(offsetSeconds: number): void {
  aheadSeconds = offsetSeconds;
}

/** The time now in whole seconds, as Stripe writes times. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000) + aheadSeconds;
}
