/** GET /v1/me/identities: with which providers one signs in. */
import { ApiError } from "../errors.ts";
import type { RestHandler } from "./handler.ts";

interface Identity {
  readonly id: string;
  readonly issuer: string;
  readonly created_at: Date;
}

export const listIdentities: RestHandler = async ({ pool, oidc }, { viewer }) => {
  if (viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  const { rows } = await pool.query<Identity>(
    "select id, issuer, created_at from app_private.find_identities($1)",
    [viewer.userId],
  );
  // The provider may not be configured any more, and is spelled as it spells itself.
  const nameOf = (issuer: string): string | null =>
    [...oidc.values()].find(({ provider }) => isSame(provider.issuer, issuer))?.provider.name ??
    null;
  const items = rows.map(({ id, issuer, created_at: createdAt }) => ({
    id,
    provider: nameOf(issuer),
    issuer,
    createdAt: createdAt.toISOString(),
  }));
  return { status: 200, body: { items } };
};

function isSame(one: string, other: string): boolean {
  return new URL(one).href === new URL(other).href;
}
