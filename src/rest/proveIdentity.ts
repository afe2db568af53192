/**
 * Lets through to what a thief with a token must not do: whoever sends their password (and the code
 * of their second factor), or has shown who they are within the last five minutes. Only the
 * person's own tries count, so that nobody else can use them up.
 */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import type { AccessClaims } from "../resources/tokens.ts";
import { textIn } from "../values.ts";
import { auditFailure } from "./askServer.ts";
import type { RestRequest } from "./handler.ts";
import { forgetTries, limitTries } from "./limits.ts";
import { type CodeField, checkSecondFactor } from "./secondFactor.ts";

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

type Asked = Pick<RestRequest, "viewer" | "network" | "body" | "header">;

/**
 * @param field where the body may have the password
 * @throws {ApiError} UNAUTHENTICATED, RATE_LIMITED; PROOF_REQUIRED; INVALID_CREDENTIALS with the
 *   field, SECOND_FACTOR_REQUIRED; PASSWORD_MISSING
 */
export async function proveIdentity(
  resources: Resources,
  request: Asked,
  field: string,
  codeField?: CodeField,
): Promise<Proven> {
  const { viewer } = request;
  if (viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  const { rows } = await resources.pool.query<Found>(
    "select password_hash, email, display_name as name from app_private.find_password($1)",
    [viewer.userId],
  );
  const [found] = rows;
  if (found === undefined) throw new ApiError("UNAUTHENTICATED");
  const password = textIn(request.body, field);
  if (password === undefined) {
    const { rows: proven } = await resources.pool.query<{ is_proven: boolean }>(
      "select app_private.is_session_proven($1) as is_proven",
      [viewer.sessionId],
    );
    if (proven[0]?.is_proven !== true) throw new ApiError("PROOF_REQUIRED");
  } else {
    await checkProof(resources, request, found, { viewer, field, password, codeField });
    await resources.pool.query("select app_private.prove_session($1)", [viewer.sessionId]);
  }
  return { viewer, email: found.email, name: found.name };
}

interface Proof {
  readonly viewer: AccessClaims;
  readonly field: string;
  readonly password: string;
  readonly codeField: CodeField | undefined;
}

async function checkProof(
  resources: Resources,
  request: Asked,
  found: Found,
  { viewer: { userId }, field, password, codeField }: Proof,
): Promise<void> {
  if (found.password_hash === null) throw new ApiError("PASSWORD_MISSING");
  await limitTries(resources, "passwordUser", userId);
  if (!(await resources.passwords.verifyOrDummy(found.password_hash, password))) {
    await auditFailure(resources, request, found.email);
    const message = "This is not your password.";
    throw new ApiError("INVALID_CREDENTIALS", message, { fields: [field] });
  }
  await forgetTries(resources, "passwordUser", userId);
  await checkSecondFactor(resources, request, userId, codeField);
}
