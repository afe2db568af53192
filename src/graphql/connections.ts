/**
 * Shares the database connections among GraphQL's operations. Some are kept back for the rest of
 * the process, and heavy operations have only half, so that slow statements leave room for short
 * ones. It does not know what is heavy: limits/rows.ts counts that.
 */
import { ApiError } from "../errors.ts";
import { LIMITS } from "./limits/limits.ts";
import type { Timing } from "./timing.ts";

/** What a connection is wanted for. */
export interface Asker {
  /** Who sends the operation: an address or a person. */
  readonly client: string;
  readonly isHeavy: boolean;
  /** Where there is one, it is told how long the statements take. */
  readonly timing?: Timing;
}

/** Runs `use`, which takes one connection, when there is one for the asker. */
export type ShareConnections = <T>(asker: Asker, use: () => Promise<T>) => Promise<T>;

/**
 * Shares a pool of `poolSize` connections.
 * @throws {ApiError} `UNAVAILABLE`, from the shared function, after a wait or where too many wait
 */
export function createShare(poolSize: number): ShareConnections {
  const share = new Share(poolSize);
  return async (asker, use) => {
    await share.enter(asker);
    try {
      return await use();
    } finally {
      share.leave(asker);
    }
  };
}

interface Waiting {
  readonly asker: Asker;
  readonly begin: () => void;
}

class Share {
  readonly #most: number;
  readonly #heavyMost: number;
  #running = 0;
  #heavy = 0;
  /** Connections that each client has at this moment; one with none is not in it. */
  readonly #held = new Map<string, number>();
  readonly #queue = new Set<Waiting>();

  constructor(poolSize: number) {
    this.#most = Math.max(1, poolSize - Math.ceil(poolSize / 5));
    this.#heavyMost = Math.max(1, Math.floor(this.#most / 2));
  }

  async enter(asker: Asker): Promise<void> {
    if (this.#hasRoom(asker)) {
      this.#take(asker, 1);
      return;
    }
    if (this.#queue.size >= LIMITS.waiting) throw new ApiError("UNAVAILABLE");
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#queue.delete(waiting);
        reject(new ApiError("UNAVAILABLE"));
      }, LIMITS.waitingMs);
      const begin = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const waiting = { asker, begin };
      this.#queue.add(waiting);
    });
  }

  leave(asker: Asker): void {
    this.#take(asker, -1);
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#queue.delete(next);
      this.#take(next.asker, 1);
      next.begin();
    }
  }

  /** Who has the fewest connections comes first, and of those who has waited longest. */
  #next(): Waiting | undefined {
    let best: Waiting | undefined;
    for (const waiting of this.#queue) {
      if (!this.#hasRoom(waiting.asker)) continue;
      if (best === undefined || this.#holds(waiting) < this.#holds(best)) best = waiting;
    }
    return best;
  }

  #hasRoom({ client, isHeavy }: Asker): boolean {
    if (this.#running >= this.#most) return false;
    if (!isHeavy) return true;
    // One client's heavy operations leave a connection to those of another.
    const own = this.#held.get(client) ?? 0;
    return this.#heavy < this.#heavyMost && own < Math.max(1, this.#heavyMost - 1);
  }

  #holds({ asker }: Waiting): number {
    return this.#held.get(asker.client) ?? 0;
  }

  #take({ client, isHeavy }: Asker, count: 1 | -1): void {
    this.#running += count;
    if (isHeavy) this.#heavy += count;
    const held = (this.#held.get(client) ?? 0) + count;
    if (held === 0) this.#held.delete(client);
    else this.#held.set(client, held);
  }
}
