/** GET /v1/me: who the access token is. The same, and more, is `me` in GraphQL. */
import { ApiError } from "../errors.ts";
import { withTransaction } from "../resources/postgres.ts";
import type { RestHandler } from "./handler.ts";

interface MeRow {
  readonly id: string;
  readonly display_name: string;
  readonly email: string | null;
}

/** Reads as the person, through row-level security like everybody. */
export const getMe: RestHandler = async (resources, request) => {
  const { viewer } = request;
  if (viewer === undefined) throw new ApiError("UNAUTHENTICATED");
  const row = await withTransaction(
    resources.pool,
    { role: resources.config.database.visitor, claims: viewer },
    async (client) => {
      const { rows } = await client.query<MeRow>(
        `select u.id, u.display_name, c.email
         from app_public.users u left join app_public.user_contacts c on c.user_id = u.id
         where u.id = $1`,
        [viewer.userId],
      );
      return rows[0];
    },
  );
  if (row === undefined) throw new ApiError("UNAUTHENTICATED");
  const { id, display_name: displayName, email } = row;
  return { status: 200, body: { id, displayName, email, isOperator: viewer.role === "operator" } };
};
