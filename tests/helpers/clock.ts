/** Moves the clock of a test's database, and of the simulator where the test has one. */
import { moveClock, replaceClock } from "../../src/commands/shared/clock.ts";
import type { StripeSimulator } from "../../src/dev/stripe/simulator.ts";
import type { TestDatabase } from "./database.ts";

export interface TestClock {
  /** Goes on from this instant. */
  set(instant: string): Promise<void>;
  /** Goes on from so many seconds later; jobs that wait for that time come due. */
  forward(seconds: number): Promise<void>;
  /** Shows the true time again. */
  reset(): Promise<void>;
}

export const HOUR = 3600;
export const DAY = 24 * HOUR;

export function testClock(database: TestDatabase, stripe?: StripeSimulator): TestClock {
  const move = async (to: Parameters<typeof moveClock>[1]): Promise<void> => {
    const { config } = database;
    const apiUrl = stripe?.url;
    await moveClock({ ...config, stripe: { ...config.stripe, apiUrl } }, to);
  };
  return {
    set: (instant) => move({ instant: new Date(instant) }),
    forward: (forwardSeconds) => move({ forwardSeconds }),
    reset: () => move({ reset: true }),
  };
}

/** Stops the clock at an instant; null lets it run again. */
export async function stopClock(database: TestDatabase, instant: string | null): Promise<void> {
  await replaceClock(database.owner, instant === null ? "now()" : `timestamptz '${instant}'`);
}

/** Makes the clock say another instant than its own, and moves nothing else; null ends that. */
export async function travel(database: TestDatabase, by: string | null): Promise<void> {
  await replaceClock(database.owner, by === null ? "now()" : `now() + interval '${by}'`);
}
