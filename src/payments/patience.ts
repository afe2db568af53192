/** While a request with the same key runs, Stripe refuses others: they wait for the first. */
import { ExponentialBackoff, handleWhen, retry } from "cockatiel";
import { isBusy } from "../resources/stripe.ts";

export const patience = retry(handleWhen(isBusy), {
  maxAttempts: 12,
  backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1000 }),
});
