/** Whether servers that are compared say the same: what differs in form only is put aside. */
import { isDeepStrictEqual } from "node:util";
import { isRecord, memberOf } from "../../src/values.ts";
import { Caller } from "./load.ts";
import { FACES, type Face, type Market, MEASURED, type Measured, OURS } from "./requests.ts";

/** The rows or the object of an answer, without what only one face wraps around it. */
export function contentOf(text: string, { platformatic }: Partial<Measured> = {}): unknown {
  const body: unknown = JSON.parse(text);
  const data = memberOf(body, "data");
  const shaped = platformatic === undefined || data === undefined ? data : platformatic(data);
  if (shaped !== data) return normal(shaped);
  const root = data === undefined ? body : Object.values(data ?? {})[0];
  return normal(memberOf(root, "listing") ?? root);
}

/**
 * Without the case of words, for GraphQL writes enums in capitals, and without `nodes` around a
 * list. JSON of Postgres and of node is the same in all else.
 */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value === "string") return value.toLowerCase();
  if (!isRecord(value)) return value;
  const names = Object.keys(value);
  if (names.length === 1 && names[0] === "nodes") return normal(value.nodes);
  return Object.fromEntries(names.sort().map((name) => [name, normal(value[name])]));
}

type Ports = Readonly<Partial<Record<Face, { readonly port: number }>>>;

/** How many different answers a request must have had, for the comparison to say something. */
const FEWEST: Readonly<Record<string, number>> = { "listing page": 8, search: 2 };

/**
 * Servers are measured only if they say the same as GraphQL; REST answers more by design.
 * @throws with both answers
 */
export async function assertSame(servers: Ports, market: Market): Promise<void> {
  // Without GraphQL there is nothing to compare with.
  if (servers.graphql === undefined) return;
  for (const measured of MEASURED) {
    const seen = new Set<string>();
    for (let index = 0; index < 50; index += 7) {
      const expected = await contentFrom("graphql", servers, market, measured, index);
      seen.add(JSON.stringify(expected));
      for (const face of FACES) {
        if (OURS.includes(face) || measured.of[face] === undefined) continue;
        if (servers[face] === undefined) continue;
        const found = await contentFrom(face, servers, market, measured, index);
        if (isDeepStrictEqual(found, expected)) continue;
        const words = JSON.stringify({ [face]: found, graphql: expected }, null, 1);
        throw new Error(`${measured.name}: the answers differ: ${words.slice(0, 6000)}`);
      }
    }
    seen.delete("[]");
    if (seen.size < (FEWEST[measured.name] ?? 1)) {
      throw new Error(`${measured.name}: all answers are alike, so nothing was compared.`);
    }
  }
}

async function contentFrom(
  face: Face,
  servers: Ports,
  market: Market,
  measured: Measured,
  index: number,
): Promise<unknown> {
  const caller = new Caller(servers[face]?.port ?? 0, 1);
  const ask = measured.of[face]?.(market, index);
  if (ask === undefined) throw new Error(`${face} has no ${measured.name}.`);
  const { text } = await caller.ask(ask);
  caller.close();
  const body: unknown = JSON.parse(text);
  if (memberOf(body, "errors") !== undefined) throw new Error(`${face}: ${text.slice(0, 1000)}`);
  return face === "platformatic" ? contentOf(text, measured) : contentOf(text);
}
