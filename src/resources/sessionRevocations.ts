/**
 * Remembers which sessions were ended, for as long as an access token of theirs could still be
 * valid. The sessions table is the truth for refreshing; this only spares each request a question
 * to the database, and knows of this process' own revocations alone while Redis is away.
 */
import type { RedisStore } from "./redis.ts";

export interface SessionRevocations {
  /** Ends a session for every process; when Redis is away, for the others once it is back. */
  revoke(sessionId: string): Promise<void>;
  isRevoked(sessionId: string): Promise<boolean>;
}

const MOST_REMEMBERED = 10_000;

/** `accessSeconds` is the life of an access token. It owns nothing that must be closed. */
export function createSessionRevocations(
  store: RedisStore,
  accessSeconds: number,
): SessionRevocations {
  const local = new Map<string, { until: number; shared: boolean }>();

  const share = async (sessionId: string): Promise<void> => {
    const entry = local.get(sessionId);
    const seconds = entry === undefined ? 0 : (entry.until - Date.now()) / 1000;
    if (entry === undefined || seconds <= 0) return;
    entry.shared = await store.set(keyOf(sessionId), "1", seconds);
  };

  store.onBack(() => {
    for (const [sessionId, entry] of local) if (!entry.shared) void share(sessionId);
  });

  return {
    revoke: async (sessionId) => {
      forgetExpired(local);
      local.set(sessionId, { until: Date.now() + accessSeconds * 1000, shared: false });
      await share(sessionId);
    },
    isRevoked: async (sessionId) => {
      const entry = local.get(sessionId);
      if (entry !== undefined && entry.until > Date.now()) return true;
      return (await store.get(keyOf(sessionId))) !== undefined;
    },
  };
}

function keyOf(sessionId: string): string {
  return `staybase:revoked:${sessionId}`;
}

/** Entries are in the order of their end, since all live equally long. */
function forgetExpired(local: Map<string, { until: number }>): void {
  const now = Date.now();
  for (const [sessionId, entry] of local) {
    if (entry.until > now && local.size < MOST_REMEMBERED) return;
    local.delete(sessionId);
  }
}
