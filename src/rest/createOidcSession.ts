/**
 * POST /v1/auth/oidc/session: the app shows the code that came back to it and the verifier that
 * never left it, and whoever the provider proved is signed in. Who has a second factor shows a code
 * of it first, after which the provider's is still good.
 */
import { ApiError } from "../errors.ts";
import { askServer } from "./askServer.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries } from "./limits.ts";
import { proofIn } from "./oidc.ts";
import { checkSecondFactor } from "./secondFactor.ts";
import { startSession } from "./sessions.ts";

export const createOidcSession: RestHandler = async (resources, request) => {
  await limitTries(resources, "oidcNetwork", request.network);
  const proof = proofIn(request.body);
  const checkFactor = (userId: string): Promise<void> =>
    checkSecondFactor(resources, request, userId, "factorCode");
  const { rows } = await resources.pool.query<{ user_id: string | null }>(
    "select app_private.find_oidc_person($1, $2) as user_id",
    proof,
  );
  const foreseen = rows[0]?.user_id ?? undefined;
  if (foreseen !== undefined) await checkFactor(foreseen);
  const [row] = await askServer<{ user_id: string; is_new: boolean }>(
    resources,
    request,
    "select user_id, is_new from app_private.sign_in_with_oidc($1, $2)",
    proof,
  );
  if (row === undefined) throw new ApiError("OIDC_CODE_INVALID");
  // The account has come to be, or changed hands, in between.
  if (!row.is_new && row.user_id !== foreseen) await checkFactor(row.user_id);
  const session = await startSession(resources, row.user_id, request);
  return { status: row.is_new ? 201 : 200, ...session };
};
