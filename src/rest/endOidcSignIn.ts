/**
 * GET /v1/auth/oidc/{provider}/callback: the browser is back from the provider. What the provider
 * says is kept for a minute, and the browser brings the app a code for it.
 */
import { ApiError } from "../errors.ts";
import { hashToken } from "../resources/tokens.ts";
import type { RestHandler } from "./handler.ts";
import {
  appAddress,
  browserKey,
  keepProof,
  orToApp,
  providerOf,
  secretsOf,
  sendTo,
} from "./oidc.ts";

export const endOidcSignIn: RestHandler = async (resources, request) => {
  const client = await providerOf(resources, request);
  return orToApp(resources, request, async () => {
    const key = browserKey(request) ?? "";
    const state = request.query.get("state") ?? "";
    const { rows } = await resources.pool.query<{ code_challenge: string | null }>(
      "select app_private.end_oidc_sign_in($1, $2, $3) as code_challenge",
      [hashToken(state), hashToken(key), client.provider.issuer],
    );
    const codeChallenge = rows[0]?.code_challenge;
    if (codeChallenge == null) throw new ApiError("OIDC_STATE_INVALID");
    const person = await client.end(request.query, secretsOf(key, state));
    return sendTo(appAddress(resources, await keepProof(resources, codeChallenge, person)));
  });
};
