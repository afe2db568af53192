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

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value, and answers the keys of those that it has dropped for it. */
  set(key: Key, value: Value, size = 0): readonly Key[] {
    this.#drop(key);
    this.#entries.set(key, { value, size: 0 });
    return this.grow(key, size);
  }

  /** Says that a value has become larger; it may itself be too large to be kept. */
  grow(key: Key, size: number): readonly Key[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return [];
    entry.size += size;
    this.#size += size;
    const dropped: Key[] = [];
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#most) break;
      this.#drop(oldest);
      dropped.push(oldest);
    }
    return dropped;
  }

  #drop(key: Key): void {
    this.#size -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }
}
