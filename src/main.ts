/**
 * `npm start`: the whole product in one process. Starts a stand-in for each service that has no
 * address, brings the database up to date, seeds the demo market where the database is the
 * stand-in's, and runs server and worker.
 */
import "./config/libraries.ts";

import { migrate } from "./commands/db/migrate.ts";
import { type SeedResult, seedDemo } from "./commands/db/seed.ts";
import { clockOffset } from "./commands/shared/clock.ts";
import type { Config } from "./config/index.ts";
import { type StandIns, startStandIns } from "./dev/standIns.ts";
import { welcome } from "./dev/welcome.ts";
import { type RunningWork, runUntilEnd, startWork } from "./process.ts";
import type { Logger } from "./resources/logger.ts";
import { standInPages, startServer } from "./server.ts";
import { startWorker } from "./worker.ts";

async function start(given: Config, logger: Logger): Promise<RunningWork> {
  const standIns = await startStandIns(given, logger);
  try {
    const seeded = await prepareDatabase(standIns, logger);
    const running = await startWork(standIns.config, logger, "all", async (resources) => {
      const server = await startServer(resources, {
        pages: await standInPages(resources),
        people: seeded?.signIns ?? [],
      });
      const worker = await startWorker(resources);
      console.log(welcome(standIns, seeded, await clockOffset(resources.pool)));
      return {
        ...worker,
        stop: async () => {
          await Promise.all([server.stop(), worker.stop()]);
        },
      };
    });
    return { ...running, stop: () => running.stop().finally(() => standIns.close()) };
  } catch (error) {
    await standIns.close();
    throw error;
  }
}

/**
 * Who gives only DATABASE_URL migrates by a command of its own, with rights that this process
 * lacks.
 */
async function prepareDatabase(
  standIns: StandIns,
  logger: Logger,
): Promise<SeedResult | undefined> {
  const { config, started } = standIns;
  if (config.database.rootUrl === undefined) return undefined;
  await migrate(config);
  if (!started.includes("postgres") || !config.seedDemo) return undefined;
  return seedDemo(config, { logger });
}

void runUntilEnd("staybase", start);
