/**
 * Keeps saying that the worker of this process lives, and unlocks the jobs of those that have gone
 * quiet: graphile-worker itself waits four hours for one that was killed.
 */
import type { Resources } from "./index.ts";

export interface Heartbeat {
  /** Stops, and signs the worker off. */
  stop(): Promise<void>;
}

/** Beats missed until a worker counts as dead. */
const MISSED_BEATS = 3;

/** `workerIds` are the names that jobs are locked in: no others keep a job from being unlocked. */
export function startHeartbeat(resources: Resources, workerIds: ReadonlySet<string>): Heartbeat {
  const { config, logger, pool } = resources;
  const seconds = config.worker.heartbeatSeconds;
  let beating: Promise<void> = Promise.resolve();

  const beat = async (): Promise<void> => {
    try {
      const { rows } = await pool.query<{ dead: string[] }>(
        "select app_private.record_heartbeat($1, $2) as dead",
        [[...workerIds], `${seconds * MISSED_BEATS} seconds`],
      );
      const dead = rows[0]?.dead ?? [];
      if (dead.length > 0) logger.warn({ workers: dead }, "unlocked the jobs of dead workers");
    } catch (error) {
      logger.warn({ err: error }, "a heartbeat failed");
    }
  };
  const timer = setInterval(() => {
    beating = beating.then(beat);
  }, seconds * 1000);
  beating = beat();

  return {
    stop: async () => {
      clearInterval(timer);
      await beating;
      await pool
        .query("select app_private.end_heartbeats($1)", [[...workerIds]])
        .catch((error: unknown) => logger.warn({ err: error }, "the worker did not sign off"));
    },
  };
}
