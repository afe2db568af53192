/**
 * The worker: takes jobs from the queue in Postgres and runs them. `npm run start:worker` runs it
 * alone; `npm start` runs it in the process of the server. It says that it lives, and rescues the
 * jobs of workers that do not.
 */
import { EventEmitter } from "node:events";
import {
  type Runner,
  run,
  type TaskList,
  type WorkerEvents,
  Logger as WorkerLogger,
} from "graphile-worker";
import { crontab, formerJobs, isStripes, jobs } from "./jobs/index.ts";
import { type RunningWork, runProcess } from "./process.ts";
import { bounded } from "./resources/bounded.ts";
import { startHeartbeat } from "./resources/heartbeat.ts";
import type { Resources } from "./resources/index.ts";
import { createPool } from "./resources/postgres.ts";
import { ResourceError } from "./resources/resourceError.ts";

/** How long jobs that run may take to finish when the worker stops, in milliseconds. */
const STOP_MS = 10_000;

/** How long its connections may take to close after that, in milliseconds. */
const CLOSE_MS = 5000;

/** Connections beside those of jobs: two listen for new ones, one is the clock's, one beats. */
const STEADY_CONNECTIONS = 4;

export interface RunningWorker extends RunningWork {
  /** Takes no more jobs, waits for those that run, and signs off. */
  stop(): Promise<void>;
  /** Rejects when the worker ends by itself, which would leave the queue to nobody. */
  readonly failed: Promise<never>;
}

export async function startWorker(shared: Resources): Promise<RunningWorker> {
  const { config, logger } = shared;
  // Its own connections: requests must not starve it, or it would miss beats and seem dead.
  const pool = createPool(config, logger, {
    applicationName: "staybase-worker",
    max: config.worker.concurrency + config.worker.stripeConcurrency + STEADY_CONNECTIONS,
  });
  const resources: Resources = { ...shared, pool };
  const poolIds = new Set<string>();
  const ends: { failed: Promise<never>; stop(): Promise<void> }[] = [];
  const stopAll = async (): Promise<void> => {
    await Promise.all(ends.map((end) => end.stop()));
  };
  try {
    // What asks Stripe has slots of its own: when Stripe hangs, all else goes on in time.
    for (const asksStripe of [false, true]) {
      ends.push(watchEnd(await startRunner(resources, poolIds, asksStripe)));
    }
  } catch (error) {
    await stopAll();
    await pool.end();
    throw error;
  }
  const heartbeat = startHeartbeat(resources, poolIds);
  const failed = Promise.race(ends.map((end) => end.failed));
  // Whoever does not look at it must not be ended by it.
  failed.catch(() => undefined);
  return {
    failed,
    stop: async () => {
      await bounded(STOP_MS, "Finishing jobs", stopAll()).catch((error: unknown) =>
        logger.warn({ err: error }, "jobs did not finish in time; they will be run again"),
      );
      await heartbeat.stop();
      await bounded(CLOSE_MS, "Closing the worker's connections", pool.end()).catch(
        (error: unknown) => logger.warn({ err: error }, "the worker did not close cleanly"),
      );
    },
  };
}

/**
 * Starts graphile-worker for the jobs that ask Stripe, or for the others and the clock; `poolIds`
 * gets the names in which it locks jobs.
 */
function startRunner(
  resources: Resources,
  poolIds: Set<string>,
  asksStripe: boolean,
): Promise<Runner> {
  const { config, logger, pool } = resources;
  const events: WorkerEvents = new EventEmitter();
  // A job is locked by the pool of workers, whichever of them runs it.
  events.on("pool:create", ({ workerPool }) => poolIds.add(workerPool.id));
  const taskList: TaskList = {};
  for (const [name, job] of Object.entries({ ...formerJobs, ...jobs })) {
    if (isStripes(job) === asksStripe) taskList[name] = (payload) => job(resources, payload);
  }
  return run({
    pgPool: pool,
    taskList,
    crontab: asksStripe ? "" : crontab,
    events,
    concurrency: asksStripe ? config.worker.stripeConcurrency : config.worker.concurrency,
    noHandleSignals: true,
    logger: new WorkerLogger((scope) => (level, message) => {
      // Its messages quote errors of jobs; payloads are ids of ours, never personal data.
      logger[level === "warning" ? "warn" : level]({ scope: scope.label }, message);
    }),
  });
}

/** Tells an end that was asked for from one that was not. */
function watchEnd(runner: Runner): { failed: Promise<never>; stop(): Promise<void> } {
  let state: "running" | "stopping" | "ended" = "running";
  const failed = new Promise<never>((_resolve, reject) => {
    const onEnd = (cause?: unknown): void => {
      if (state === "running") {
        const message = "The worker ended by itself: nobody runs the jobs any more.";
        reject(new ResourceError("WORKER_ENDED", message, { cause }));
      }
      state = "ended";
    };
    runner.promise.then(() => onEnd(), onEnd);
  });
  // Whoever does not look at it must not be ended by it.
  failed.catch(() => undefined);
  return {
    failed,
    stop: async () => {
      // One that has ended refuses to be stopped.
      if (state === "ended") return;
      state = "stopping";
      await runner.stop();
    },
  };
}

if (import.meta.main) {
  void runProcess("worker", async (resources) => {
    const worker = await startWorker(resources);
    resources.logger.info("the worker runs");
    return worker;
  });
}
