/**
 * Idempotency keys as Stripe keeps them: the first answer of a key is replayed for a day, another
 * request under the same key is refused, and so is a second one while the first is running.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { invalid, SimulatedError } from "./errors.ts";
import type { SavedAnswer, State } from "./state.ts";

const KEPT_MS = 24 * 3600 * 1000;

/** One request under a key, from its arrival to its answer. */
export interface KeyedRequest {
  /** The answer that the key already has. */
  saved: SavedAnswer | undefined;
  save(answer: Pick<SavedAnswer, "requestId" | "status" | "body">): void;
  /** To be called at the end in any case. */
  release(): void;
}

export class IdempotencyKeys {
  readonly #state: State;
  readonly #running = new Set<string>();

  constructor(state: State) {
    this.#state = state;
  }

  /**
   * Claims a key for one request. Keys are scoped to the API key. Throws 400 idempotency_error
   * for a key used with other parameters, 409 for one whose first request is still running.
   */
  claim(apiKey: string, key: string, path: string, form: unknown): KeyedRequest {
    if (key.length > 255) throw invalid("Idempotency keys are at most 255 characters long.");
    const id = createHash("sha256").update(`${apiKey}\n${key}`).digest("hex");
    if (this.#running.has(id)) {
      const message = `There is currently another in-progress request using the key '${key}'.`;
      const type = "invalid_request_error";
      throw new SimulatedError(409, { type, code: "idempotency_key_in_use", message });
    }
    let saved = this.#state.answers.get(id);
    if (saved && saved.savedAt < Date.now() - KEPT_MS) saved = undefined;
    if (saved && (saved.path !== path || !isDeepStrictEqual(saved.form, form))) {
      const message =
        "Keys for idempotent requests can only be used with the same endpoint and parameters " +
        `they were first used with. Try another key than '${key}' for a different request.`;
      throw new SimulatedError(400, { type: "idempotency_error", message });
    }
    this.#running.add(id);
    return {
      saved,
      save: (answer) => {
        const savedAt = Date.now();
        this.#state.put(this.#state.answers, { id, path, form, savedAt, ...answer });
      },
      release: () => this.#running.delete(id),
    };
  }
}
