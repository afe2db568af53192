/**
 * What of a request took how long, as the header Server-Timing: for developers and operators, whose
 * browsers show it beside the request.
 */
import type { ServerResponse } from "node:http";

export class Timing {
  readonly #response: ServerResponse;
  #parseMs = 0;
  #planMs = 0;
  #plans = 0;
  #sqlMs = 0;
  #statements = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Milliseconds of reading the document: next to none where it was kept. */
  read(ms: number): void {
    this.#parseMs += ms;
  }

  /** Milliseconds of making a plan, and of what its first steps did at once. */
  planned(ms: number): void {
    this.#planMs += ms;
    this.#plans += 1;
  }

  /** Milliseconds of one statement, from its sending to its answer. */
  asked(ms: number): void {
    this.#sqlMs += ms;
    this.#statements += 1;
  }

  /** Writes the header; `isPublic` says that the answer may be kept for all visitors. */
  tell(isPublic: boolean): void {
    if (this.#response.headersSent) return;
    const entry = (name: string, ms: number, words: string): string =>
      `${name};dur=${ms.toFixed(2)};desc="${words}"`;
    const entries = [
      entry("parse", this.#parseMs, "read the document"),
      entry("plan", this.#planMs, this.#plans === 0 ? "kept" : "new"),
      entry("sql", this.#sqlMs, `statements: ${this.#statements}`),
      `cache;desc="${isPublic ? "miss" : "private"}"`,
    ];
    this.#response.setHeader("Server-Timing", entries.join(", "));
  }
}

/** Runs something and says how many milliseconds it took, also when it fails. */
export function timed<T>(tell: ((ms: number) => void) | undefined, run: () => T): T {
  if (tell === undefined) return run();
  const started = performance.now();
  try {
    return run();
  } finally {
    tell(performance.now() - started);
  }
}
