/** Inputs for tests of a kind: any, but the same in every run, so that what fails fails again. */

export interface Random {
  /** A whole number from `least` to `most`. */
  int(least: number, most: number): number;
  /** One of the values. */
  pick<T>(values: readonly T[]): T;
}

/** Mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
export function seeded(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (least: number, most: number): number =>
    least + Math.floor(next() * (most - least + 1));
  return { int, pick: (values) => values[int(0, values.length - 1)] as (typeof values)[number] };
}
