/**
 * Puts an end to waiting: a promise with a deadline. It cannot stop the work behind the promise;
 * whoever calls decides what to do with work that comes too late.
 */
import { ResourceError } from "./resourceError.ts";

/**
 * The outcome of `work`, or a `ResourceError` with code `TIMED_OUT` after `ms` milliseconds. A
 * late failure of `work` is ignored.
 */
export async function bounded<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      // An answer may lie in the socket already while a busy event loop fires the timer first:
      // one more turn of the loop reads it.
      setImmediate(() => {
        reject(new ResourceError("TIMED_OUT", `${what} took longer than ${ms} ms.`));
      });
    }, ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
