/**
 * POST /v1/webhooks/stripe: checks the signature over the bytes as they came, stores the event with
 * its job in one transaction, and answers. A 2xx is never a lie: what was acknowledged is stored.
 */
import { Stripe } from "stripe";
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import type { RestHandler } from "./handler.ts";

/** Seconds that Stripe's clock and ours may differ; older and newer signatures are refused. */
const TOLERANCE_SECONDS = 300;

export const receiveStripeEvent: RestHandler = async (resources, request) => {
  const body = verifiedBody(resources, request.body, request.header("stripe-signature"));
  const event = readEvent(body);
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
  return { status: 200, body: { received: true } };
};

/**
 * An event of a connected account, or of the mode that our key is not of, says nothing about our
 * payments. It is kept, and answered as any other: Stripe would send it again.
 */
function reasonToIgnore(resources: Resources, event: ReadEvent): string | undefined {
  if (event.account !== null) return "other_account";
  const isLive = /^[a-z]+_live_/.test(resources.config.stripe.secretKey);
  return event.isLive !== null && event.isLive !== isLive ? "other_mode" : undefined;
}

function verifiedBody(resources: Resources, body: unknown, signature: string | undefined): Buffer {
  if (!Buffer.isBuffer(body) || signature === undefined) {
    throw new ApiError("SIGNATURE_INVALID", "The Stripe-Signature header is missing.");
  }
  // The SDK accepts any time in the future: a stolen secret could sign ahead for years.
  const timestamp = signedAt(signature);
  if (timestamp === undefined || timestamp > Date.now() / 1000 + TOLERANCE_SECONDS) {
    throw new ApiError("SIGNATURE_INVALID");
  }
  const { signature: helper } = Stripe.webhooks;
  // Its type allows none: what cannot be checked is not let in.
  if (helper === null) throw new Error("The SDK of Stripe cannot check signatures.");
  const causes: unknown[] = [];
  for (const secret of resources.config.stripe.webhookSecrets) {
    try {
      helper.verifyHeader(body, signature, secret, TOLERANCE_SECONDS);
      return body;
    } catch (error) {
      causes.push(error);
    }
  }
  throw new ApiError("SIGNATURE_INVALID", undefined, { cause: causes.at(-1) });
}

/**
 * The seconds that the signature is over. Stripe sends one `t`; of several the SDK believes the
 * last, so a header that has more is not looked at any further.
 */
function signedAt(signature: string): number | undefined {
  const times = signature.split(",").filter((item) => item.split("=", 1)[0]?.trim() === "t");
  const digits = times.length === 1 ? /^t=(\d+)$/.exec(times[0] ?? "")?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
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
function readEvent(body: Buffer): ReadEvent {
  const payload = storableJson(body);
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
function storableJson(body: Buffer): string {
  try {
    const text = JSON.stringify(JSON.parse(body.toString()));
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
