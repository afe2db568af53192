/**
 * Reads the parameters of one API request: form-encoded text becomes typed, checked values.
 * What is wrong is answered as Stripe answers it; what nobody read is an unknown parameter.
 */
import { isRecord } from "../../values.ts";
import { invalid, type SimulatedError } from "./errors.ts";

/** Smallest charge for each settlement currency, in minor units: docs.stripe.com/currencies. */
const MINIMUM_AMOUNTS: Readonly<Record<string, number>> = {
  aed: 200,
  aud: 50,
  bgn: 100,
  brl: 50,
  cad: 50,
  chf: 50,
  czk: 1500,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  huf: 17500,
  inr: 50,
  jpy: 50,
  mxn: 1000,
  myr: 200,
  nok: 300,
  nzd: 50,
  pln: 200,
  ron: 200,
  sek: 300,
  sgd: 50,
  thb: 1000,
  usd: 50,
};
const MAXIMUM_AMOUNT = 99_999_999;

/** Currencies that are charged in steps, in minor units: docs.stripe.com/currencies. */
const STEPS: Readonly<Record<string, number>> = {
  ...{ isk: 100, ugx: 100 },
  ...{ bhd: 10, jod: 10, kwd: 10, omr: 10, tnd: 10 },
};
const CURRENCIES = new Set(Intl.supportedValuesOf("currency").map((code) => code.toLowerCase()));

export class Parameters {
  readonly #values: Record<string, unknown>;
  readonly #read = new Set<string>();

  constructor(values: unknown) {
    this.#values = isRecord(values) ? values : {};
  }

  /** The text of a parameter, or undefined where it is absent or empty. */
  text(name: string, longest = 5000): string | undefined {
    const value = this.#take(name);
    if (value === undefined || value === "") return undefined;
    if (typeof value !== "string") throw invalid("Invalid string", { param: name });
    if (value.length > longest) {
      throw invalid(`Invalid string: must be at most ${longest} characters`, { param: name });
    }
    return value;
  }

  required(name: string): string {
    return this.text(name) ?? fail(required(name));
  }

  choice<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = allowed.find((each) => each === value);
    return (
      found ??
      fail(invalid(`Invalid ${name}: must be one of ${allowed.join(", ")}`, { param: name }))
    );
  }

  /** Null where it is given and empty, which takes back what was said. */
  emptyable<T extends string>(name: string, allowed: readonly T[]): T | null | undefined {
    const isEmpty = this.#values[name] === "";
    const chosen = this.choice(name, allowed);
    return isEmpty ? null : chosen;
  }

  flag(name: string): boolean {
    return this.choice(name, ["true", "false"]) === "true";
  }

  /** A whole number of at least `least`: amounts, limits, times. */
  integer(name: string, least = 1): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const code = "parameter_invalid_integer";
    if (!/^-?\d{1,15}$/.test(value))
      throw invalid(`Invalid integer: ${value}`, { code, param: name });
    if (Number(value) < least) {
      const message = `This value must be greater than or equal to ${least}.`;
      throw invalid(message, { code, param: name });
    }
    return Number(value);
  }

  /** A time in whole seconds, where it is given by itself and not by its bounds. */
  seconds(name: string): number | undefined {
    return typeof this.#values[name] === "string" ? this.integer(name, 0) : undefined;
  }

  currency(): string {
    const currency = this.required("currency").toLowerCase();
    if (!CURRENCIES.has(currency)) {
      throw invalid(`Invalid currency: ${currency}.`, { param: "currency" });
    }
    return currency;
  }

  /** An amount to charge in minor units, within Stripe's bounds for the currency. */
  chargeAmount(currency: string): number {
    const amount = this.integer("amount") ?? fail(required("amount"));
    const least = MINIMUM_AMOUNTS[currency] ?? 50;
    if (amount < least) {
      const message = `Amount must be at least ${least} (minor units) for ${currency}.`;
      throw invalid(message, { code: "amount_too_small", param: "amount" });
    }
    const step = STEPS[currency] ?? 1;
    if (amount % step !== 0) {
      const message = `Amounts in ${currency} must be divisible by ${step}.`;
      throw invalid(message, { code: "parameter_invalid_integer", param: "amount" });
    }
    if (amount > MAXIMUM_AMOUNT) {
      const message = `Amount must be no more than ${MAXIMUM_AMOUNT} (minor units).`;
      throw invalid(message, { code: "amount_too_large", param: "amount" });
    }
    return amount;
  }

  /** Stripe's limits: 50 keys of 40 characters, values of 500. */
  metadata(): Record<string, string> {
    const entries = Object.entries(this.#record("metadata"));
    const fits = entries.every(
      ([key, value]) => key.length <= 40 && typeof value === "string" && value.length <= 500,
    );
    if (!fits || entries.length > 50) {
      const message = "Metadata takes at most 50 keys of 40 characters with texts of 500.";
      throw invalid(message, { param: "metadata" });
    }
    return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
  }

  texts(name: string): string[] {
    const value = this.#take(name) ?? [];
    const list = Array.isArray(value) ? value : [value];
    return list.every((each) => typeof each === "string")
      ? list
      : fail(invalid("Invalid array of strings", { param: name }));
  }

  /** The parameters below `name[...]`, to be read and finished on their own. */
  nested(name: string): Parameters {
    return new Parameters(this.#record(name));
  }

  /** To be called when all is read: an unread parameter is one that Stripe or we do not know. */
  finish(): void {
    const unknown = Object.keys(this.#values).find((name) => !this.#read.has(name));
    if (unknown === undefined) return;
    const message = `Received unknown parameter: ${unknown} (or one the simulator does not have)`;
    throw invalid(message, { code: "parameter_unknown", param: unknown });
  }

  #record(name: string): Record<string, unknown> {
    const value = this.#take(name);
    if (value === undefined || value === "") return {};
    return isRecord(value) ? value : fail(invalid("Invalid object", { param: name }));
  }

  #take(name: string): unknown {
    this.#read.add(name);
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }
}

function required(param: string): SimulatedError {
  return invalid(`Missing required param: ${param}.`, { code: "parameter_missing", param });
}

function fail(error: Error): never {
  throw error;
}
