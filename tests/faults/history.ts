/** What the clients did and were told, in the order in which it ended: all that the checker believes of them. */
import { appendFileSync } from "node:fs";

/** What came of a call: an answer, a refusal with its code, or nothing, which says nothing. */
export type Outcome = "ok" | "refused" | "unknown";

export interface Call {
  readonly client: string;
  readonly operation: string;
  readonly key: string | undefined;
  readonly outcome: Outcome;
  /** The code of a refusal. */
  readonly code: string | undefined;
  /** The id of the row that was answered, or that the call was about. */
  readonly id: string | undefined;
  readonly status: string | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface History {
  readonly calls: readonly Call[];
  add(call: Call): void;
  /** Counts something that the nemesis or a client has met. */
  meet(what: string): void;
  readonly met: ReadonlyMap<string, number>;
}

/** A history that is also written to a file, a line a call. */
export function openHistory(path: string | undefined): History {
  const calls: Call[] = [];
  const met = new Map<string, number>();
  return {
    calls,
    met,
    add: (call) => {
      calls.push(call);
      if (path !== undefined) appendFileSync(path, `${JSON.stringify(call)}\n`);
    },
    meet: (what) => void met.set(what, (met.get(what) ?? 0) + 1),
  };
}
