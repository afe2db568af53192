/**
 * The life of a process: configuration, resources, work, and an orderly end. SIGTERM and SIGINT end
 * it with exit code 0, a second one at once; what cannot start says why in a sentence and exits
 * with 1.
 */
import { type Config, ConfigError, loadConfig, loadEnvFile } from "./config.ts";
import { findStandIns } from "./dev/standIns.ts";
import { openResources, type Resources } from "./resources/index.ts";
import { createLogger, type Logger } from "./resources/logger.ts";
import { ResourceError } from "./resources/resourceError.ts";

/** Starts the work and returns how to end it. */
export type Work = (resources: Resources) => Promise<() => Promise<void>>;

/**
 * Runs a server or a worker on services that are there already: configured, or of a running `npm
 * start`.
 */
export async function runProcess(name: string, work: Work): Promise<void> {
  await runUntilSignal(async () => {
    const config = findStandIns(readConfig());
    return startWork(config, createLogger({ level: config.logLevel, name }), name, work);
  });
}

export function readConfig(): Config {
  loadEnvFile();
  return loadConfig();
}

/** Opens the resources, starts the work, and gives the way back. */
export async function startWork(
  config: Config,
  logger: Logger,
  name: string,
  work: Work,
): Promise<() => Promise<void>> {
  const resources = await openResources(config, logger, { applicationName: `staybase-${name}` });
  try {
    const stop = await work(resources);
    return async () => {
      await stop();
      await resources.dispose();
    };
  } catch (error) {
    await resources.dispose();
    throw error;
  }
}

/** Starts, waits for a signal, stops, exits. */
export async function runUntilSignal(start: () => Promise<() => Promise<void>>): Promise<void> {
  let stopping = false;
  let stop: (() => Promise<void>) | undefined;
  const end = async (): Promise<void> => {
    // The second signal is somebody who does not want to wait.
    if (stopping) process.exit(1);
    stopping = true;
    // Before the start is through there is nothing to stop yet; it stops when it is.
    if (stop !== undefined) await finish(stop);
  };
  process.on("SIGTERM", () => void end());
  process.on("SIGINT", () => void end());
  try {
    stop = await start();
  } catch (error) {
    console.error(explain(error));
    process.exit(1);
  }
  if (stopping) await finish(stop);
}

async function finish(stop: () => Promise<void>): Promise<never> {
  try {
    await stop();
  } catch (error) {
    console.error(explain(error));
    process.exit(1);
  }
  process.exit(0);
}

/** Faults of the surroundings are a sentence for a person; faults of ours keep their stack. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof ResourceError) return error.message;
  if (error instanceof Error) {
    return error.name === "DatabaseCommandError" ? error.message : (error.stack ?? error.message);
  }
  return String(error);
}
