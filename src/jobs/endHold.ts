/** The guest's time to pay is over: the database decides, and Stripe is asked before nights go. */
import { type Job, payloadText } from "./task.ts";

export const endHold: Job = async (resources, payload) => {
  await resources.pool.query("select app_private.end_hold($1)", [
    payloadText(payload, "paymentId"),
  ]);
};
