/**
 * Grafast ends every request with abort(), for what may still run of it, and Node makes an error
 * with a stack for each: a twentieth of all time in node. Here that error is always the same one.
 */

const ENDED = new DOMException("The request has ended.", "AbortError");

class QuietAbortController extends AbortController {
  override abort(reason: unknown = ENDED): void {
    super.abort(reason);
  }
}

/** Runs something that makes its AbortController at once, and says no reason when it aborts. */
export function quietly<T>(run: () => T): T {
  const usual = globalThis.AbortController;
  globalThis.AbortController = QuietAbortController;
  try {
    return run();
  } finally {
    globalThis.AbortController = usual;
  }
}
