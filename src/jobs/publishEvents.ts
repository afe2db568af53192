/** Puts committed events in order, and lets those who read them do so. */
import { repeatUntilZero } from "./maintenance.ts";
import type { Job } from "./task.ts";

/** What is done in turn, each until nothing is left to do. */
const STEPS = [
  repeatUntilZero("select app_private.publish_events() as done"),
  repeatUntilZero("select app_private.queue_mails() as done"),
];

export const publishEvents: Job = async (resources, payload) => {
  for (const step of STEPS) await step(resources, payload);
};
