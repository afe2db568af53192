/** Keeps what Stripe tells: an event is stored with its job in one transaction, once. */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";

/**
 * Stores an event that Stripe has sent, or that was asked for, as JSON; false where it was kept
 * before.
 * @throws {ApiError} INVALID_INPUT for what is no event
 */
export async function storeEvent(resources: Resources, text: string): Promise<boolean> {
  const event = readEvent(text);
  const ignored = reasonToIgnore(resources, event);
  const { rows } = await resources.pool.query<{ stored: boolean }>(
    "select app_private.store_stripe_event($1, $2, $3, $4, $5, $6, $7) as stored",
    [
      event.id,
      event.type,
      event.objectId,
      event.payload,
      event.account,
      event.isLive,
      ignored ?? null,
    ],
  );
  const stored = rows[0]?.stored ?? false;
  const facts = { eventId: event.id, type: event.type, stored };
  if (ignored === undefined) resources.logger.info(facts, "event from Stripe");
  else resources.logger.warn({ ...facts, ignored }, "an event that is not ours is not acted on");
  return stored;
}

/**
 * An event of a connected account, or of the mode that our key is not of, says nothing about our
 * payments. It is kept, and answered as any other: Stripe would send it again.
 */
function reasonToIgnore(resources: Resources, event: ReadEvent): string | undefined {
  if (event.account !== null) return "other_account";
  const isLive = /^[a-z]+_live_/.test(resources.config.stripe.secretKey);
  return event.isLive !== null && event.isLive !== isLive ? "other_mode" : undefined;
}

interface ReadEvent {
  readonly id: string;
  readonly type: string;
  /** Null where the event is about nothing that can be asked for by its id. */
  readonly objectId: string | null;
  /** The connected account that it is of; null where it is ours. */
  readonly account: string | null;
  /** Null where it does not say. */
  readonly isLive: boolean | null;
  readonly payload: string;
}

/**
 * A signature says who sent the bytes, not what they are: only what has an id and a type is an
 * event. The rest of it may be anything and is stored, for Stripe sends again what is refused.
 * @throws {ApiError} INVALID_INPUT
 */
function readEvent(text: string): ReadEvent {
  const payload = storableJson(text);
  const event: unknown = JSON.parse(payload);
  const [id, type] = [member(event, "id"), member(event, "type")];
  if (typeof id !== "string" || typeof type !== "string") {
    throw new ApiError("INVALID_INPUT", "The body is not an event of Stripe.");
  }
  const objectId = member(member(member(event, "data"), "object"), "id");
  const isId = typeof objectId === "string" && OBJECT_ID.test(objectId);
  const [account, isLive] = [member(event, "account"), member(event, "livemode")];
  return {
    id,
    type,
    objectId: isId ? objectId : null,
    account: typeof account === "string" ? account.slice(0, 255) : null,
    isLive: typeof isLive === "boolean" ? isLive : null,
    payload,
  };
}

/** What may stand in the path of a request to Stripe. */
const OBJECT_ID = /^\w{1,255}$/;

/**
 * The body as JSON that PostgreSQL stores: its `jsonb` takes neither NUL nor half a surrogate pair,
 * which become the replacement character. `stringify` writes both as escapes, and nothing else.
 */
function storableJson(body: string): string {
  try {
    const text = JSON.stringify(JSON.parse(body));
    const escapes = /\\(u0000|ud[89a-f][0-9a-f]{2}|.)/g;
    return text.replace(escapes, (found, what) => (what.length === 5 ? "\\ufffd" : found));
  } catch (error) {
    // A RangeError is JSON that is nested too deep to be walked.
    throw new ApiError("INVALID_INPUT", "The body is not JSON.", { cause: error });
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
