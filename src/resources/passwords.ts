/**
 * Hashes and checks passwords with argon2id, off the main thread and a few at a time. Which
 * passwords are good enough and who may try how often is decided elsewhere.
 */
import { randomBytes } from "node:crypto";
import { hash, type Options, verify } from "@node-rs/argon2";
import { ResourceError } from "./resourceError.ts";

/**
 * OWASP Password Storage Cheat Sheet: argon2id (2) with 19 MiB, two passes, one lane. It is the
 * algorithm's name as a number because the package declares it as a const enum.
 */
const PARAMETERS: Options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Longer ones are refused: hashing megabytes is a cheap way to keep a server busy. */
const MOST_BYTES = 1024;

export interface Passwords {
  /**
   * The hash to store, in PHC form.
   * @throws {ResourceError} `PASSWORDS_BUSY` or `PASSWORD_TOO_LONG`
   */
  hash(password: string): Promise<string>;
  /**
   * Whether the password fits. Without a stored hash (nobody has that address) it takes as long and
   * is false, so that the time tells nothing about who is registered.
   * @throws {ResourceError} `PASSWORDS_BUSY`
   */
  verifyOrDummy(stored: string | undefined | null, password: string): Promise<boolean>;
}

export interface PasswordsOptions {
  /** How many are hashed at a time; each one takes 19 MiB and one thread of the pool of four. */
  readonly concurrency?: number;
  /** How many may wait; the next one is refused with `PASSWORDS_BUSY`. */
  readonly waiting?: number;
}

/** Prepares the dummy hash. It owns nothing that must be closed. */
export async function openPasswords(options: PasswordsOptions = {}): Promise<Passwords> {
  const limited = limiter(options.concurrency ?? 2, options.waiting ?? 64);
  const dummy = await hash(randomBytes(24), PARAMETERS);
  return {
    hash: async (password) => {
      if (Buffer.byteLength(password) > MOST_BYTES) {
        const message = `A password may have at most ${MOST_BYTES} bytes.`;
        throw new ResourceError("PASSWORD_TOO_LONG", message);
      }
      return limited(() => hash(password, PARAMETERS));
    },
    verifyOrDummy: async (stored, password) => {
      const tooLong = Buffer.byteLength(password) > MOST_BYTES;
      const real = typeof stored === "string" && stored !== "" && !tooLong;
      const fits = await limited(() => verify(real ? stored : dummy, tooLong ? "" : password));
      return real && fits;
    },
  };
}

function limiter(concurrency: number, waiting: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (running >= concurrency) {
      if (queue.length >= waiting) {
        const message = "Too many people sign in at this moment. Try again in a few seconds.";
        throw new ResourceError("PASSWORDS_BUSY", message);
      }
      // Whoever finishes hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => queue.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
