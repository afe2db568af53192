/**
 * Looks for secrets in what the run has logged, stops what `globalSetup` started and removes its files.
 */
import { running } from "./globalSetup.ts";
import { findSecrets } from "./logs.ts";

export default async function globalTeardown(): Promise<void> {
  const found = running.logs === undefined ? [] : findSecrets(running.logs);
  await running.stop?.();
  if (found.length === 0) return;
  throw new Error(
    `There are secrets in the logs of this run. Log something else, or let createLogger() redact ` +
      `it:\n${found.join("\n")}`,
  );
}
