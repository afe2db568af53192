/** Conditions of a read: the client has an answer, and asks whether it is still the same. */
import type { Request } from "express";

/**
 * Whether the client has this very answer already. Express would send it again to whoever says
 * `Cache-Control: no-cache`, as `fetch` does of itself beside If-None-Match; the answer is fresh.
 */
export function isKnown({ method, headers }: Request, tag: string | undefined): boolean {
  const known = headers["if-none-match"];
  if (tag === undefined || known === undefined) return false;
  if (method !== "GET" && method !== "HEAD") return false;
  return (
    known.trim() === "*" || known.split(",").some((each) => each.trim().replace(/^W\//, "") === tag)
  );
}
