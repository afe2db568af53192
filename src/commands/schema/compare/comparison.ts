/** What comparing two documents needs: what a reference means, and a list of what is told. */
import { isRecord, memberOf, textIn } from "../../../values.ts";

/** One thing in the old document and in the new one, and what it is called in a report. */
export interface Pair {
  readonly place: string;
  readonly before: unknown;
  readonly after: unknown;
}

export class Comparison {
  readonly #before: unknown;
  readonly #after: unknown;
  readonly #found = new Set<string>();
  readonly #met = new Set<string>();

  constructor(before: unknown, after: unknown) {
    this.#before = before;
    this.#after = after;
  }

  /** What breaks, one sentence each. */
  get found(): string[] {
    return [...this.#found];
  }

  report(place: string, what: string): void {
    this.#found.add(`${place} ${what}`);
  }

  /**
   * The pair without references. A component is called by its own name, and met once for each use,
   * so that one change of it is told once; undefined says that it was met.
   */
  resolve({ place, before, after }: Pair, use: string): Pair | undefined {
    const [from, to] = [textIn(before, "$ref"), textIn(after, "$ref")];
    const isComponent = from === to && from?.startsWith("#/components/") === true;
    if (from !== undefined && to !== undefined) {
      const key = `${use} ${from} ${to}`;
      if (this.#met.has(key)) return undefined;
      this.#met.add(key);
    }
    return {
      place: isComponent ? `${use} ${from.split("/").at(-1)}` : place,
      before: this.old(before),
      after: this.new(after),
    };
  }

  /** What stands in the old document, where a value refers to it. */
  old(value: unknown): unknown {
    return resolveReference(this.#before, value);
  }

  new(value: unknown): unknown {
    return resolveReference(this.#after, value);
  }
}

function resolveReference(document: unknown, value: unknown): unknown {
  const reference = textIn(value, "$ref");
  if (reference === undefined) return value;
  const steps = reference.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const found = steps.reduce<unknown>(
    (inner, step) => memberOf(inner, step.replaceAll("~1", "/").replaceAll("~0", "~")),
    document,
  );
  if (found === undefined) throw new Error(`The document has no ${reference}.`);
  const { $ref: _, ...beside } = Object(value) as Record<string, unknown>;
  const target = resolveReference(document, found);
  return isRecord(target) ? { ...target, ...beside } : target;
}
