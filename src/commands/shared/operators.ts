/**
 * Who is an operator: granted and taken by whoever may connect as the owner, never through the API.
 * Either signs the person out everywhere, so that it counts at once.
 */
import type { Client } from "pg";
import type { Config } from "../../config/index.ts";
import { emailAddress } from "../../rest/body.ts";
import { withClient } from "./connect.ts";
import { DatabaseCommandError } from "./errors.ts";
import { databaseTarget, ownerUrl } from "./settings.ts";

/**
 * The one argument of a command.
 * @throws {DatabaseCommandError} for none or several
 */
export function readAddress(args: readonly string[]): string {
  const [email, ...more] = args;
  if (email !== undefined && more.length === 0) return email;
  throw new DatabaseCommandError("Give one e-mail address: npm run operator:grant -- <address>.");
}

export interface OperatorChange {
  /** Whether the person was none before, or was one. */
  readonly changed: boolean;
  readonly userId: string;
}

/**
 * Makes somebody an operator, or takes it from them.
 * @throws {DatabaseCommandError} where nobody has the address
 */
export async function setOperator(
  config: Config,
  email: string,
  isOperator: boolean,
): Promise<OperatorChange> {
  const address = emailAddress({ email });
  return asOwner(config, async (client) => {
    await client.query("begin");
    const { rows } = await client.query<{ user_id: string }>(
      "select user_id from app_public.user_contacts where email = $1",
      [address],
    );
    const userId = rows[0]?.user_id;
    if (userId === undefined) {
      throw new DatabaseCommandError(
        "Nobody has this address. The person registers first, then you grant.",
      );
    }
    const { rowCount } = await client.query(
      isOperator
        ? "insert into app_private.operators (user_id) values ($1) on conflict do nothing"
        : "delete from app_private.operators where user_id = $1",
      [userId],
    );
    const changed = rowCount === 1;
    if (changed) await client.query("select app_hidden.end_sessions($1)", [userId]);
    await client.query("commit");
    return { changed, userId };
  });
}

/** All operators, the first one first. */
export async function listOperators(
  config: Config,
): Promise<readonly { readonly email: string; readonly since: Date }[]> {
  return asOwner(config, async (client) => {
    const { rows } = await client.query<{ email: string; since: Date }>(
      `select c.email, o.created_at as since from app_private.operators o
       join app_public.user_contacts c on c.user_id = o.user_id order by o.created_at, c.email`,
    );
    return rows;
  });
}

function asOwner<T>(config: Config, task: (client: Client) => Promise<T>): Promise<T> {
  const url = ownerUrl(databaseTarget(config));
  return withClient({ url, variable: "ROOT_DATABASE_URL" }, task);
}
