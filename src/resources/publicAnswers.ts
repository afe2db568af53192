/**
 * Answers that are the same for all who are not signed in: in this process, bounded by bytes, and
 * in Redis for all processes. An answer says by its tags which rows it shows, and is forgotten as
 * soon as one of them changes; one that cannot say it lives for seconds. It can be wrong in one
 * direction only: an old answer, for as long as LIFE_MS says. Redis away is Redis empty.
 */
import { hash } from "node:crypto";
import { Kept } from "../kept.ts";
import { isRecord, memberOf } from "../values.ts";
import type { ChangeListener } from "./changes.ts";
import type { Resources } from "./index.ts";

/** Which rows an answer shows, as `listing:<id>`; or that nobody can say. */
export type Freshness = readonly string[] | "seconds";

export interface PublicAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly freshness: Freshness;
  /** Before the database was asked, in milliseconds of the clock. */
  readonly askedAt: number;
}

/** How an answer came about, for the log. */
export type CacheOutcome = "hit" | "shared" | "miss";

export interface PublicAnswers extends ChangeListener {
  /** The answer of this process. */
  find(key: string): PublicAnswer | undefined;
  /** The answer that another process has left in Redis. */
  fetch(key: string): Promise<PublicAnswer | undefined>;
  /** Keeps an answer here and in Redis, unless what it shows has changed since; says whether. */
  keep(key: string, answer: PublicAnswer): boolean;
  count(outcome: CacheOutcome): void;
  close(): void;
}

/**
 * How long an answer may live: one that is forgotten when it changes, and one that is not. What is
 * promised of the second is five seconds, of which half a second is left for asking anew.
 */
const LIFE_MS = { tagged: 30_000, untagged: 4500 };
/** By how much the clocks of two servers may differ. */
const SKEW_MS = 2000;
/** Answers above this are not kept. */
const MOST_BYTES = 256_000;
/** Changes that are remembered; with more, all that is kept is forgotten instead. */
const MOST_CHANGES = 50_000;
const REPORT_MS = 60_000;

/**
 * Opens the cache; undefined where the configuration gives it no room. `version` tells the answers
 * of one schema from those of another.
 */
export function openPublicAnswers(
  resources: Pick<Resources, "config" | "logger" | "redis">,
  version: string,
): PublicAnswers | undefined {
  const bytes = resources.config.http.publicCacheMb * 1_000_000;
  if (bytes === 0) return undefined;
  return new Store(resources, bytes, `staybase:answer:${version}:`);
}

/**
 * What caches on the way may do with an offered answer. What is told when it changes is asked for
 * again by browsers, and kept by shared caches for seconds alone.
 */
export function publicCacheControl(freshness: Freshness): string {
  return freshness === "seconds"
    ? "public, max-age=5, stale-while-revalidate=30"
    : "public, max-age=0, s-maxage=5";
}

class Store implements PublicAnswers {
  readonly #redis: Resources["redis"];
  readonly #prefix: string;
  readonly #answers: Kept<string, PublicAnswer>;
  readonly #keysOfTag = new Map<string, Set<string>>();
  /** When what a tag names has changed lately. */
  readonly #changes = new Map<string, number>();
  readonly #report: NodeJS.Timeout;
  #hears = false;
  /** What was asked before may show what has changed unheard. */
  #knownSince = 0;
  #counts = { hit: 0, shared: 0, miss: 0 };

  constructor(
    { logger, redis }: Pick<Resources, "logger" | "redis">,
    bytes: number,
    prefix: string,
  ) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#answers = new Kept(bytes);
    this.#report = setInterval(() => {
      const { hit, shared, miss } = this.#counts;
      this.#counts = { hit: 0, shared: 0, miss: 0 };
      const asked = hit + shared + miss;
      if (asked === 0) return;
      const hitRate = Math.round(((hit + shared) / asked) * 1000) / 1000;
      const { count, size } = this.#answers;
      logger.info({ hitRate, hit, shared, miss, kept: count, bytes: size }, "answers for visitors");
    }, REPORT_MS);
    this.#report.unref();
  }

  find(key: string): PublicAnswer | undefined {
    const answer = this.#answers.get(key);
    if (answer === undefined) return undefined;
    if (this.#isAlive(answer) && (this.#hears || answer.freshness === "seconds")) return answer;
    this.#drop(key);
    return undefined;
  }

  async fetch(key: string): Promise<PublicAnswer | undefined> {
    const text = await this.#redis?.get(this.#nameOf(key));
    const answer = text === undefined ? undefined : readAnswer(text);
    if (answer === undefined || !this.#isAlive(answer) || !this.#isCurrent(answer, SKEW_MS)) {
      return undefined;
    }
    this.#keepHere(key, answer);
    return answer;
  }

  keep(key: string, answer: PublicAnswer): boolean {
    if (answer.body.length > MOST_BYTES || !this.#isCurrent(answer, 0)) return false;
    this.#keepHere(key, answer);
    const left = answer.askedAt + lifeOf(answer) - Date.now();
    // Nobody waits for it, and it never throws.
    if (left > 0) void this.#redis?.set(this.#nameOf(key), writeAnswer(answer), left / 1000);
    return true;
  }

  count(outcome: CacheOutcome): void {
    this.#counts[outcome] += 1;
  }

  changed(tag: string): void {
    const now = Date.now();
    this.#changes.delete(tag);
    this.#changes.set(tag, now);
    for (const key of [...(this.#keysOfTag.get(tag) ?? [])]) this.#drop(key);
    if (this.#changes.size > MOST_CHANGES) this.#forgetAll();
    // The oldest come first. What was asked before them has ended its life.
    for (const [old, at] of this.#changes) {
      if (now - at < LIFE_MS.tagged + SKEW_MS) break;
      this.#changes.delete(old);
    }
  }

  deaf(): void {
    this.#hears = false;
  }

  hears(): void {
    this.#hears = true;
    this.#forgetAll();
  }

  close(): void {
    clearInterval(this.#report);
  }

  /** The key's name in Redis, where many are kept for long: none is longer than another. */
  #nameOf(key: string): string {
    return this.#prefix + hash("sha256", key, "base64url");
  }

  /** A clock that was set back must not lengthen a life. */
  #isAlive({ askedAt, ...answer }: PublicAnswer): boolean {
    const age = Date.now() - askedAt;
    return age > -SKEW_MS && age < lifeOf(answer);
  }

  /** Whether all it shows is as it was when it was asked for, as far as this process knows. */
  #isCurrent({ freshness, askedAt }: PublicAnswer, skew: number): boolean {
    if (freshness === "seconds") return true;
    if (!this.#hears || askedAt - skew <= this.#knownSince) return false;
    return freshness.every((tag) => (this.#changes.get(tag) ?? 0) < askedAt - skew);
  }

  #keepHere(key: string, answer: PublicAnswer): void {
    this.#drop(key);
    const dropped = this.#answers.set(key, answer, answer.body.length + key.length + 1000);
    for (const tag of tagsOf(answer)) {
      const keys = this.#keysOfTag.get(tag) ?? new Set();
      this.#keysOfTag.set(tag, keys.add(key));
    }
    for (const { key: oldest, value } of dropped) this.#untag(oldest, value);
  }

  #drop(key: string): void {
    const answer = this.#answers.get(key);
    if (answer === undefined) return;
    this.#answers.delete(key);
    this.#untag(key, answer);
  }

  #untag(key: string, answer: PublicAnswer): void {
    for (const tag of tagsOf(answer)) {
      const keys = this.#keysOfTag.get(tag);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOfTag.delete(tag);
    }
  }

  #forgetAll(): void {
    this.#knownSince = Date.now();
    this.#changes.clear();
    for (const keys of [...this.#keysOfTag.values()]) for (const key of [...keys]) this.#drop(key);
  }
}

function lifeOf({ freshness }: Pick<PublicAnswer, "freshness">): number {
  return freshness === "seconds" ? LIFE_MS.untagged : LIFE_MS.tagged;
}

function tagsOf({ freshness }: PublicAnswer): readonly string[] {
  return freshness === "seconds" ? [] : freshness;
}

function writeAnswer({ body, ...rest }: PublicAnswer): string {
  return JSON.stringify({ ...rest, body: body.toString("utf8") });
}

/** What Redis has may be of anybody: what is no answer is none. */
function readAnswer(text: string): PublicAnswer | undefined {
  try {
    const read: unknown = JSON.parse(text);
    const [body, headers, freshness, askedAt] = ["body", "headers", "freshness", "askedAt"].map(
      (name) => memberOf(read, name),
    );
    const isFresh = freshness === "seconds" || isTexts(freshness);
    if (typeof body !== "string" || typeof askedAt !== "number" || !isFresh) return undefined;
    if (!isRecord(headers) || !isTexts(Object.values(headers))) return undefined;
    return {
      body: Buffer.from(body),
      headers: headers as PublicAnswer["headers"],
      freshness,
      askedAt,
    };
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
