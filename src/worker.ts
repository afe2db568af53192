/**
 * The worker: takes jobs from the queue in Postgres and runs them. `npm run start:worker` runs it
 * alone; `npm start` runs it in the process of the server. It says that it lives, and rescues the
 * jobs of workers that do not.
 */
import { EventEmitter } from "node:events";
import { run, type TaskList, type WorkerEvents, Logger as WorkerLogger } from "graphile-worker";
import { crontab, jobs } from "./jobs/index.ts";
import { runProcess } from "./process.ts";
import { bounded } from "./resources/bounded.ts";
import { startHeartbeat } from "./resources/heartbeat.ts";
import type { Resources } from "./resources/index.ts";

/** How long jobs that run may take to finish when the worker stops, in milliseconds. */
const STOP_MS = 10_000;

export interface RunningWorker {
  /** Takes no more jobs, waits for those that run, and signs off. */
  stop(): Promise<void>;
}

export async function startWorker(resources: Resources): Promise<RunningWorker> {
  const { config, logger, pool } = resources;
  const workerIds = new Set<string>();
  const events: WorkerEvents = new EventEmitter();
  events.on("worker:create", ({ worker }) => workerIds.add(worker.workerId));
  const taskList: TaskList = {};
  for (const [name, job] of Object.entries(jobs)) {
    taskList[name] = (payload) => job(resources, payload);
  }
  const runner = await run({
    pgPool: pool,
    taskList,
    crontab,
    events,
    concurrency: config.worker.concurrency,
    noHandleSignals: true,
    logger: new WorkerLogger((scope) => (level, message) => {
      // Its messages quote errors of jobs; payloads are ids of ours, never personal data.
      logger[level === "warning" ? "warn" : level]({ scope: scope.label }, message);
    }),
  });
  const heartbeat = startHeartbeat(resources, workerIds);
  // A worker that ends by itself would leave the queue to nobody.
  runner.promise.catch((error: unknown) => logger.fatal({ err: error }, "the worker ended"));
  return {
    stop: async () => {
      await bounded(STOP_MS, "Finishing jobs", runner.stop()).catch((error: unknown) =>
        logger.warn({ err: error }, "jobs did not finish in time; they will be run again"),
      );
      await heartbeat.stop();
    },
  };
}

if (import.meta.main) {
  void runProcess("worker", async (resources) => {
    const worker = await startWorker(resources);
    resources.logger.info("the worker runs");
    return () => worker.stop();
  });
}
