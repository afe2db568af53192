/**
 * Asks for the password again before something that a thief with a token must not do. Only the
 * person's own tries count, so that nobody else can use them up.
 */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import type { AccessClaims } from "../resources/tokens.ts";
import type { RestRequest } from "./handler.ts";
import { forgetTries, limitTries } from "./limits.ts";

interface Proven {
  readonly viewer: AccessClaims;
  readonly email: string;
  readonly name: string;
}

interface Found {
  readonly password_hash: string | null;
  readonly email: string;
  readonly name: string;
}

/** @throws {ApiError} UNAUTHENTICATED, RATE_LIMITED; INVALID_CREDENTIALS with the field */
export async function proveIdentity(
  resources: Resources,
  { viewer }: Pick<RestRequest, "viewer">,
  password: string,
  field: string,
): Promise<Proven> {
  if (viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  await limitTries(resources, "passwordUser", viewer.userId);
  const { rows } = await resources.pool.query<Found>(
    "select password_hash, email, display_name as name from app_private.find_password($1)",
    [viewer.userId],
  );
  const [found] = rows;
  const fits = await resources.passwords.verifyOrDummy(found?.password_hash, password);
  if (!fits || found === undefined) {
    const message = "This is not your password.";
    throw new ApiError("INVALID_CREDENTIALS", message, { fields: [field] });
  }
  await forgetTries(resources, "passwordUser", viewer.userId);
  return { viewer, email: found.email, name: found.name };
}
