/**
 * The life of a process: configuration, resources, work, and an orderly end. SIGTERM and SIGINT end
 * it with exit code 0, a second one at once; work that cannot go on and errors that nobody caught
 * end it just as orderly, with 1. What cannot start says why in a sentence and exits with 1.
 */
import {
  type Config,
  ConfigError,
  loadConfig,
  loadEnvFile,
  missingServices,
} from "./config/index.ts";
import { openResources, type Resources } from "./resources/index.ts";
import { createLogger, type Logger } from "./resources/logger.ts";
import { ResourceError } from "./resources/resourceError.ts";

/** How long the end after a failure may take, in milliseconds: nothing works for certain then. */
const LATEST_MS = 30_000;

/** Work that has been started. */
export interface RunningWork {
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** Rejects when the work cannot go on although nobody has stopped it. */
  readonly failed?: Promise<never>;
}

/** Starts the work of a process on open resources. */
export type Work = (resources: Resources) => Promise<RunningWork>;

/**
 * Runs a server or a worker on services that are there already: configured, or of a running `npm
 * start`.
 */
export async function runProcess(name: string, work: Work): Promise<void> {
  await runUntilEnd(name, async (config, logger) =>
    startWork(await withStandIns(config), logger, name, work),
  );
}

/** Production has every address, and loads nothing of the stand-ins. */
async function withStandIns(config: Config): Promise<Config> {
  if (missingServices(config).length === 0) return config;
  const { findStandIns } = await import("./dev/standIns.ts");
  return findStandIns(config);
}

/** Opens the resources, starts the work, and gives the way back. */
export async function startWork(
  config: Config,
  logger: Logger,
  name: string,
  work: Work,
): Promise<RunningWork> {
  const resources = await openResources(config, logger, { applicationName: `staybase-${name}` });
  try {
    const running = await work(resources);
    const stop = (): Promise<void> => running.stop().finally(() => resources.dispose());
    return { ...running, stop };
  } catch (error) {
    await resources.dispose();
    throw error;
  }
}

/**
 * Starts, waits for a signal or a failure, stops, exits. `name` is that of the process in its log.
 */
export async function runUntilEnd(
  name: string,
  start: (config: Config, logger: Logger) => Promise<RunningWork>,
): Promise<void> {
  try {
    loadEnvFile();
    const config = loadConfig();
    const logger = createLogger({ level: config.logLevel, name });
    const ending = prepareEnd(logger);
    ending.begin(await start(config, logger));
  } catch (error) {
    console.error(explain(error));
    process.exit(1);
  }
}

/** Listens for what ends the process; `begin` says what there is to stop. */
function prepareEnd(logger: Logger): { begin(work: RunningWork): void } {
  let running: RunningWork | undefined;
  let signals = 0;
  let failed = false;
  let stopping = false;

  const end = (): void => {
    // Before the start is through there is nothing to stop yet; it stops when it is.
    if (running === undefined || stopping) return;
    stopping = true;
    running.stop().then(
      () => process.exit(failed ? 1 : 0),
      (error: unknown) => {
        console.error(explain(error));
        process.exit(1);
      },
    );
  };
  const onSignal = (): void => {
    signals += 1;
    // The second signal is somebody who does not want to wait.
    if (signals > 1) process.exit(1);
    end();
  };
  const onFailure = (message: string) => (reason: unknown) => {
    logger.fatal({ err: toError(reason) }, message);
    if (!failed) setTimeout(() => process.exit(1), LATEST_MS);
    failed = true;
    end();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  process.on("uncaughtException", onFailure("nobody caught an error: the process ends"));
  process.on("unhandledRejection", onFailure("nobody awaited a failure: the process ends"));

  return {
    begin: (work) => {
      running = work;
      work.failed?.catch(onFailure("the work cannot go on: the process ends"));
      if (signals > 0 || failed) end();
    },
  };
}

/** What is no error may be anything, a secret too: of that only the kind is told. */
function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(`A ${typeof reason} was thrown.`);
}

/** Faults of the surroundings are a sentence for a person; faults of ours keep their stack. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof ResourceError) return error.message;
  if (error instanceof Error) {
    return error.name === "DatabaseCommandError" ? error.message : (error.stack ?? error.message);
  }
  return String(error);
}
