/**
 * Real resources on the database of a test file, in the process of the test: there is no
 * Redis, the log is kept, and Stripe and mail are wherever the test wants them.
 */
import { type CompleteConfig, type Config, SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { openResources, type Resources } from "../../src/resources/index.ts";
import { createLogger } from "../../src/resources/logger.ts";
import type { TestDatabase } from "./database.ts";
import { keepLog } from "./logs.ts";

export interface TestResources {
  readonly resources: Resources;
  /** What was logged so far. */
  log(): string;
  dispose(): Promise<void>;
}

/** What may differ from the configuration of the test database. */
export interface TestResourcesOptions {
  readonly smtpUrl?: string;
  readonly stripeUrl?: string;
  readonly poolSize?: number;
  readonly heartbeatSeconds?: number;
  readonly http?: Partial<Config["http"]>;
}

export async function openTestResources(
  database: TestDatabase,
  options: TestResourcesOptions = {},
): Promise<TestResources> {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const { config } = database;
  const { heartbeatSeconds = config.worker.heartbeatSeconds } = options;
  const complete: CompleteConfig = {
    ...config,
    http: { ...config.http, ...options.http },
    database: { ...config.database, poolSize: options.poolSize ?? 4 },
    stripe: {
      ...SIMULATOR_STRIPE_KEYS,
      webhookSecrets: [SIMULATOR_STRIPE_KEYS.webhookSecret],
      apiUrl: options.stripeUrl ?? "http://127.0.0.1:1",
    },
    mail: { ...config.mail, smtpUrl: options.smtpUrl ?? "smtp://127.0.0.1:1" },
    worker: { ...config.worker, heartbeatSeconds },
  };
  const resources = await openResources(complete, createLogger({ level: "info", destination }));
  return {
    resources,
    log: () => lines.join(""),
    dispose: async () => {
      await resources.dispose();
      keepLog("resources", lines.join(""));
    },
  };
}
