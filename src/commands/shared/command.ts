/**
 * What the commands of this folder have in common: reading the configuration, finding a database
 * where none is configured, and telling failures as sentences. What a command does is in its file.
 */
import { type Config, loadConfig, loadEnvFile } from "../../config/index.ts";
import { createLogger } from "../../resources/logger.ts";
import { describeFailure } from "./errors.ts";

/** Handed to each command besides the configuration. */
export interface CommandContext {
  /** Aborts at SIGINT and SIGTERM, for commands that run until they are stopped. */
  readonly signal: AbortSignal;
}

/**
 * Runs a command with a database: the configured one, the one that `npm start` runs at the moment,
 * or the same for as long as the command takes. A failure is printed and makes the exit code 1.
 */
export async function runCommand(
  task: (config: Config, context: CommandContext) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stop.abort());
  }
  try {
    loadEnvFile();
    const { config, close } = await withDatabase(loadConfig());
    try {
      await task(config, { signal: stop.signal });
    } finally {
      await close();
    }
  } catch (error) {
    console.error(describeFailure(error));
    process.exitCode = 1;
  }
}

async function withDatabase(config: Config): Promise<{ config: Config; close(): Promise<void> }> {
  if (config.database.url !== undefined) return { config, close: async () => {} };
  // Whoever has a database does not wait for the stand-ins to load.
  const { useStandIns } = await import("../../dev/standIns.ts");
  return useStandIns(config, createLogger({ level: "warn" }), { only: ["postgres"] });
}
