/**
 * Calls a function of app_private, which trusts its caller, with who asks and from where: that is
 * what the audit log notes.
 */
import type { QueryResultRow } from "pg";
import type { Resources } from "../resources/index.ts";
import { withTransaction } from "../resources/postgres.ts";
import type { RestRequest } from "./handler.ts";

/** Who asks, and from where; nobody is signed in without a viewer. */
export type Asker = Pick<RestRequest, "network"> & Partial<Pick<RestRequest, "viewer">>;

/** Runs one statement in a transaction of its own and returns its rows. */
export function askServer<Row extends QueryResultRow>(
  resources: Resources,
  { viewer, network }: Asker,
  text: string,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  return withTransaction(resources.pool, { claims: { ...viewer, network } }, async (client) => {
    const { rows } = await client.query<Row>(text, [...values]);
    return rows;
  });
}

/** Notes that somebody has tried to show that an account is theirs, and could not. */
export async function auditFailure(
  resources: Resources,
  asker: Asker & Pick<RestRequest, "header">,
  email: string,
): Promise<void> {
  await askServer(resources, asker, "select app_private.audit_failed_sign_in($1, $2)", [
    email,
    asker.header("user-agent") ?? "",
  ]);
}
