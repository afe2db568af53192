/**
 * A minute after an account was closed: erases what a request has written while the sessions ended,
 * and tells Stripe.
 */
import { forgetAtStripe } from "../payments/customers.ts";
import { type Job, payloadText } from "./task.ts";

export const finishErasure: Job = async (resources, payload) => {
  const userId = payloadText(payload, "userId");
  const { rows } = await resources.pool.query<{ is_erased: boolean }>(
    "select app_private.finish_erasure($1) as is_erased",
    [userId],
  );
  if (rows[0]?.is_erased === true) await forgetAtStripe(resources, userId);
};
