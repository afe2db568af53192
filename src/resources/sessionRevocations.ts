/**
 * Remembers which sessions were ended, for as long as an access token of theirs could still be
 * valid. The sessions table is the truth for refreshing; this only spares each request a question
 * to the database, and knows of this process' own revocations alone while Redis is away, or where
 * there is none.
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
  store: RedisStore | undefined,
  accessSeconds: number,
): SessionRevocations {
  /** Milliseconds at which the last access token of a revoked session has expired. */
  const local = new Map<string, number>();

  const share = async (sessionId: string, until: number): Promise<void> => {
    const seconds = (until - Date.now()) / 1000;
    if (seconds > 0) await store?.set(keyOf(sessionId), "1", seconds);
  };

  /**
   * A Redis that was away may have come back empty, so all are told again; one after the other, for
   * thousands at once would look like a Redis that hangs.
   */
  const shareAll = async (): Promise<void> => {
    for (const [sessionId, until] of [...local]) {
      if (store?.available() !== true) return;
      await share(sessionId, until);
    }
  };

  store?.onBack(() => void shareAll());

  return {
    revoke: async (sessionId) => {
      forgetExpired(local);
      const until = Date.now() + accessSeconds * 1000;
      local.set(sessionId, until);
      await share(sessionId, until);
    },
    isRevoked: async (sessionId) => {
      const until = local.get(sessionId);
      if (until !== undefined && until > Date.now()) return true;
      return (await store?.get(keyOf(sessionId))) !== undefined;
    },
  };
}

function keyOf(sessionId: string): string {
  return `staybase:revoked:${sessionId}`;
}

/** Entries are in the order of their end, since all live equally long. */
function forgetExpired(local: Map<string, number>): void {
  const now = Date.now();
  for (const [sessionId, until] of local) {
    if (until > now && local.size < MOST_REMEMBERED) return;
    local.delete(sessionId);
  }
}
