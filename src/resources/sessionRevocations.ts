/**
 * Remembers which sessions were ended, for as long as an access token of theirs could still be
 * valid. The sessions table is the truth, and tells of each one that ends; this only spares each
 * request a question to the database. Redis says it, too, to a process that cannot listen.
 */
import type { ChangeListener } from "./changes.ts";
import type { Resources } from "./index.ts";
import type { RedisStore } from "./redis.ts";

export interface SessionRevocations {
  /** Ends a session for every process; when Redis is away, for the others once it is back. */
  revoke(sessionId: string): Promise<void>;
  isRevoked(sessionId: string): Promise<boolean>;
  /** Notes what another process has ended, or the database. */
  hear(sessionId: string): void;
}

/** More than anybody can begin and end in the life of a token, to have an older one forgotten. */
const MOST_REMEMBERED = 200_000;

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

  const hear = (sessionId: string): number => {
    forgetExpired(local);
    const until = Date.now() + accessSeconds * 1000;
    local.set(sessionId, until);
    return until;
  };

  return {
    hear,
    revoke: async (sessionId) => share(sessionId, hear(sessionId)),
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

/**
 * Notes each session that ends anywhere, by whatever way: the database tells it. What has ended
 * while nothing was heard is read from there.
 */
export function sessionListener({
  pool,
  logger,
  revocations,
  tokens,
}: Pick<Resources, "pool" | "logger" | "revocations" | "tokens">): ChangeListener {
  const catchUp = async (): Promise<void> => {
    const { rows } = await pool.query<{ id: string }>(
      "select id from app_private.ended_sessions($1) as id",
      [`${tokens.accessSeconds} seconds`],
    );
    for (const { id } of rows) revocations.hear(id);
  };
  return {
    changed: (tag) => {
      const [kind, id] = tag.split(":");
      if (kind === "session" && id !== undefined) revocations.hear(id);
    },
    deaf: () => undefined,
    hears: () => {
      catchUp().catch((error: unknown) =>
        logger.warn({ err: error }, "which sessions have ended could not be read"),
      );
    },
  };
}
