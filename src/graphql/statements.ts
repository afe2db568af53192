/**
 * Bounds the prepared statements of each connection by their length: the adaptor keeps a hundred,
 * and a hundred long ones grow a backend of Postgres from 10 to 35 MB.
 */
import type { PoolClient } from "pg";
import { Kept } from "../kept.ts";
import { memberOf } from "../values.ts";
import { LIMITS } from "./limits/limits.ts";

/** A query as the adaptor sends it; with a name it is prepared. */
interface NamedQuery {
  readonly text: string;
  readonly name?: string | undefined;
}

const keptOf = new WeakMap<PoolClient, Kept<string, true>>();

/** Makes room for a statement that is about to be prepared; the adaptor prepares it. */
export async function keepStatement(client: PoolClient, { name, text }: NamedQuery): Promise<void> {
  if (name === undefined) return;
  const kept = keptOf.get(client) ?? new Kept<string, true>(LIMITS.statementCharacters);
  keptOf.set(client, kept);
  if (kept.get(name)) return;
  for (const { key: dropped } of kept.set(name, true, text.length)) {
    // pg remembers what it has prepared, and prepares again what it has not.
    const prepared = memberOf(memberOf(client, "connection"), "parsedStatements");
    if (memberOf(prepared, dropped) === undefined) continue;
    await client.query(`deallocate ${client.escapeIdentifier(dropped)}`);
    Reflect.deleteProperty(prepared as object, dropped);
  }
}
