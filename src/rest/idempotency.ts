/**
 * Runs a request once for each person and idempotency key. The lease and the answer are in the
 * database, for 24 hours; the answer is encrypted, for it may hold a secret of Stripe. What an
 * answer looks like, and which one is worth keeping, the caller knows.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { retryable } from "../resources/postgres.ts";
import { memberOf, numberIn, textIn } from "../values.ts";
import type { RestRequest } from "./handler.ts";

/** An answer as it is kept; its bytes are sent as they are. */
export interface KeptAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Seconds after which a client asks again while the first request runs. */
const ASK_AGAIN_SECONDS = 1;

/**
 * Answers with what is kept under the request's key, or runs it and keeps the answer. What `run`
 * throws is not kept, and the key may be tried again.
 * @param operation names the operation; one key is good for one operation and one input
 * @throws {ApiError} IDEMPOTENCY_KEY_REQUIRED, IDEMPOTENCY_IN_FLIGHT; the database throws
 *   IDEMPOTENCY_KEY_REUSED
 */
export async function runOnce(
  resources: Resources,
  request: RestRequest,
  operation: string,
  run: () => Promise<KeptAnswer>,
): Promise<{ readonly answer: KeptAnswer; readonly isReplay: boolean }> {
  const { viewer } = request;
  if (viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  const key = request.header("idempotency-key");
  if (key === undefined) throw new ApiError("IDEMPOTENCY_KEY_REQUIRED");
  const secret = encryptionKey(resources, viewer.userId, key);
  const hash = hashOf(request);
  const begun = await retryable(() => begin(resources, [viewer.userId, key, operation, hash]));
  const kept = begun.answer === null ? undefined : decrypted(secret, begun.answer);
  if (kept !== undefined) return { answer: kept, isReplay: true };
  // An answer that cannot be read was encrypted under an older secret of the server: the operation
  // runs again, and has no second effect, for its own rows say that it ran.
  if (begun.answer !== null) return { answer: await run(), isReplay: false };
  if (begun.lease_id === null) {
    throw new ApiError("IDEMPOTENCY_IN_FLIGHT", undefined, {
      details: { retryAfterSeconds: ASK_AGAIN_SECONDS },
    });
  }
  const end = (answer: Buffer | null) =>
    retryable(() =>
      resources.pool.query("select app_private.end_idempotent_request($1, $2, $3, $4)", [
        viewer.userId,
        key,
        begun.lease_id,
        answer,
      ]),
    );
  let answer: KeptAnswer;
  try {
    answer = await run();
  } catch (error) {
    // If this fails too, the lease ends by itself; the first error says more.
    await end(null).catch((err: unknown) => {
      resources.logger.warn({ err }, "an idempotency key could not be freed");
    });
    throw error;
  }
  await end(encrypted(secret, answer));
  return { answer, isReplay: false };
}

interface Begun {
  /** Null where somebody else runs the request, or it has run. */
  readonly lease_id: string | null;
  readonly answer: Buffer | null;
}

async function begin(resources: Resources, values: readonly unknown[]): Promise<Begun> {
  const { rows } = await resources.pool.query<Begun>(
    "select lease_id, answer from app_private.begin_idempotent_request($1, $2, $3, $4)",
    [...values],
  );
  return rows[0] ?? { lease_id: null, answer: null };
}

function hashOf({ params, body }: RestRequest): Buffer {
  return createHash("sha256")
    .update(JSON.stringify([params, body ?? null]))
    .digest();
}

/** A key of its own for each answer, which a copy of the database alone does not give. */
function encryptionKey({ tokens }: Resources, userId: string, key: string): Uint8Array {
  // As a hash, for the info of HKDF is bounded in Node.
  const keyHash = createHash("sha256").update(key).digest("hex");
  return tokens.secretFor(`staybase idempotent answer ${userId} ${keyHash}`);
}

const CIPHER = "aes-256-gcm";
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The initialisation vector, the tag, and the encrypted answer as JSON. */
function encrypted(secret: Uint8Array, answer: KeptAnswer): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, secret, iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(answer), "utf8"), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]);
}

/** `undefined` where it was encrypted with another secret. */
function decrypted(secret: Uint8Array, bytes: Buffer): KeptAnswer | undefined {
  const [iv, rest] = [bytes.subarray(0, IV_BYTES), bytes.subarray(IV_BYTES)];
  const decipher = createDecipheriv(CIPHER, secret, iv, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(rest.subarray(0, TAG_BYTES));
  let text: string;
  try {
    const parts = [decipher.update(rest.subarray(TAG_BYTES)), decipher.final()];
    text = Buffer.concat(parts).toString();
  } catch {
    return undefined;
  }
  const value: unknown = JSON.parse(text);
  const [status, contentType] = [numberIn(value, "status"), textIn(value, "contentType")];
  const body = memberOf(value, "body");
  if (status === undefined || contentType === undefined || typeof body !== "string") {
    throw new Error("A kept answer has not the form that it was kept in.");
  }
  return { status, contentType, body };
}
