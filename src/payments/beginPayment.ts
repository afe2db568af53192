/** The payment that a booking waits for, as the database begins it for its guest. */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { type Claims, retryable, withTransaction } from "../resources/postgres.ts";
import type { BegunPayment } from "./intentOfPayment.ts";

/** @throws {ApiError} BOOKING_NOT_FOUND; the database throws why nothing is paid now */
export async function beginPayment(
  { pool }: Resources,
  guest: Claims,
  bookingId: string | undefined,
): Promise<BegunPayment> {
  const payment = await retryable(() =>
    withTransaction(pool, { claims: guest }, async (client) => {
      const { rows } = await client.query<BegunPayment>(
        `select id, booking_id, currency, amount, attempt, stripe_payment_intent_id,
           capture_method
         from app_private.begin_payment($1)`,
        [bookingId],
      );
      return rows[0];
    }),
  );
  if (payment === undefined) throw new ApiError("BOOKING_NOT_FOUND");
  return payment;
}
