/**
 * What a job is to the rest of the program: a function from its payload to effects that can be
 * repeated. A job re-reads the truth, makes one SQL transition, and has effects under keys that
 * derive from the row, never from the attempt; so running it twice, or half and again, ends the
 * same.
 */

import type { Resources } from "../resources/index.ts";
import { textIn } from "../values.ts";

export type Job = (resources: Resources, payload: unknown) => Promise<void>;

/**
 * A text member of a payload.
 * @throws when our own SQL has queued something else
 */
export function payloadText(payload: unknown, name: string): string {
  const value = textIn(payload, name);
  if (value === undefined) throw new Error(`The job has no ${name}.`);
  return value;
}
