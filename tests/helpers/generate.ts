/**
 * Inputs of a kind, drawn from a seed: the same seed draws the same, so that a failure can be
 * repeated. It knows nothing of the marketplace; each test says what it draws.
 */

/** A stream of random choices. */
export interface Draw {
  /** A whole number between two, both included. */
  integer(least: number, most: number): number;
  one<T>(of: readonly T[]): T;
}

/** A stream by its seed (mulberry32, public domain by Tommy Ettinger). */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (least: number, most: number): number =>
    least + Math.floor(next() * (most - least + 1));
  const one = <T>(of: readonly T[]): T => {
    const [found] = of.slice(integer(0, of.length - 1));
    if (found === undefined) throw new Error("There is nothing to draw from.");
    return found;
  };
  return { integer, one };
}

/** The date some days after another. */
export function daysAfter(date: string, days: number): string {
  return new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);
}
