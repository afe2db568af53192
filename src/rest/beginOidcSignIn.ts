/** GET /v1/auth/oidc/{provider}: sends the browser to the provider, and remembers which it is. */
import { createRandomToken, hashToken } from "../resources/tokens.ts";
import type { RestHandler } from "./handler.ts";
import { browserCookie, browserKey, orToApp, providerOf, secretsOf, sendTo } from "./oidc.ts";

export const beginOidcSignIn: RestHandler = async (resources, request) => {
  const client = await providerOf(resources, request);
  return orToApp(resources, request, async () => {
    const key = browserKey(request) ?? createRandomToken().token;
    const { token: state, hash: stateHash } = createRandomToken();
    const address = await client.begin(secretsOf(key, state));
    await resources.pool.query("select app_private.begin_oidc_sign_in($1, $2, $3, $4)", [
      stateHash,
      hashToken(key),
      client.provider.issuer,
      request.query.get("codeChallenge"),
    ]);
    return sendTo(address, { "Set-Cookie": browserCookie(key) });
  });
};
