/** GET /v1/auth/oidc: by which providers people may sign in here. */
import type { RestHandler } from "./handler.ts";

export const listOidcProviders: RestHandler = async ({ oidc }) => {
  const items = [...oidc.values()].map(({ provider: { name, title } }) => ({ name, title }));
  return { status: 200, body: { items } };
};
