/** Stops what `globalSetup` started and removes its files. */
import { running } from "./globalSetup.ts";

export default async function globalTeardown(): Promise<void> {
  await running.stop?.();
}
