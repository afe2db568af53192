/**
 * A map with a bound, for what is kept only because it was dear to make. What a thing weighs, and
 * when it is no longer true, is its owner's business.
 */
interface Dropped<Key, Value> {
  readonly key: Key;
  readonly value: Value;
}

/** Keeps what was used last, as much as fits a bound; how large a thing is, the owner says. */
export class Kept<Key, Value> {
  readonly #most: number;
  readonly #entries = new Map<Key, { readonly value: Value; size: number }>();
  #size = 0;

  /** @param most the sizes of all that is kept, together */
  constructor(most: number) {
    this.#most = most;
  }

  /** The sum of the sizes. */
  get size(): number {
    return this.#size;
  }

  /** How many there are. */
  get count(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value, and answers what it has dropped for it. */
  set(key: Key, value: Value, size = 0): readonly Dropped<Key, Value>[] {
    this.delete(key);
    this.#entries.set(key, { value, size: 0 });
    return this.grow(key, size);
  }

  /** Says that a value has become larger; it may itself be too large to be kept. */
  grow(key: Key, size: number): readonly Dropped<Key, Value>[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return [];
    entry.size += size;
    this.#size += size;
    const dropped: Dropped<Key, Value>[] = [];
    for (const [oldest, { value }] of this.#entries) {
      if (this.#size <= this.#most) break;
      this.delete(oldest);
      dropped.push({ key: oldest, value });
    }
    return dropped;
  }

  delete(key: Key): void {
    this.#size -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }
}
