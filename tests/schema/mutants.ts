/**
 * Mutants of the rules of row-level security: every policy, and every function that policies ask,
 * with one condition broken at a time. They are made from the catalogue, where PostgreSQL puts
 * each condition into parentheses of its own. What a mutant must not survive is in visibility.ts.
 */
import type { ClientBase } from "pg";

export interface Mutant {
  /** What was broken, for the person who looks for the missing probe. */
  readonly name: string;
  readonly statement: string;
}

interface Policy {
  readonly name: string;
  readonly relation: string;
  /** The one to whom it is not given. */
  readonly other: string;
  readonly using: string | null;
  readonly check: string | null;
}

/** All mutants of a migrated database. `roles` are the visitor and the operator. */
export async function makeMutants(
  client: ClientBase,
  roles: { readonly visitor: string; readonly operator: string },
): Promise<Mutant[]> {
  const { rows: policies } = await client.query<Policy>(
    `select quote_ident(p.polname) as name, p.polrelid::regclass::text as relation,
       case when p.polroles = array[$1::regrole::oid] then $2 else $1 end as other,
       pg_get_expr(p.polqual, p.polrelid) as using,
       pg_get_expr(p.polwithcheck, p.polrelid) as check
     from pg_policy p order by 2, 1`,
    [roles.visitor, roles.operator],
  );
  const called = new Set<string>();
  const mutants = policies.flatMap((policy) => {
    for (const [name] of `${policy.using} ${policy.check}`.matchAll(/\bapp_\w+\.\w+(?=\()/g)) {
      called.add(name);
    }
    return ofPolicy(policy);
  });
  for (const name of called) mutants.push(...(await ofFunction(client, name)));
  return mutants;
}

function ofPolicy({ name, relation, other, using, check }: Policy): Mutant[] {
  const label = `${relation} ${name}`;
  const alter = `alter policy ${name} on ${relation}`;
  const broken = (part: string, text: string | null): Mutant[] =>
    (text === null ? [] : breakOne(text)).map((changed) => ({
      name: `${label}: ${part} ${changed}`,
      statement: `${alter} ${part} (${changed})`,
    }));
  return [
    { name: `${label}: dropped`, statement: `drop policy ${name} on ${relation}` },
    { name: `${label}: to ${other}`, statement: `${alter} to ${other}` },
    ...broken("using", using),
    ...broken("with check", check),
  ];
}

/** A function that is one query: as a view PostgreSQL writes it with all its parentheses. */
async function ofFunction(client: ClientBase, name: string): Promise<Mutant[]> {
  const { rows } = await client.query<{ definition: string; body: string }>(
    "select pg_get_functiondef(oid) as definition, prosrc as body from pg_proc where oid = to_regproc($1)",
    [name],
  );
  const [found] = rows;
  if (found === undefined) throw new Error(`Policies call ${name}, of which there is not one.`);
  const { definition, body } = found;
  if (!/\bwhere\b/i.test(definition)) return [];
  await client.query("savepoint body");
  await client.query(`create temporary view body as ${body}`);
  const written = await client.query<{ text: string }>(
    "select pg_get_viewdef('pg_temp.body'::regclass) as text",
  );
  await client.query("rollback to savepoint body");
  const text = (written.rows[0]?.text ?? "").replace(/;\s*$/, "").replaceAll(/\s+/g, " ");
  return breakOne(text).map((changed) => ({
    name: `${name}(): ${changed}`,
    statement: definition.replace(body, () => ` ${changed} `),
  }));
}

/** Words that make a condition of what is around them. */
const CONDITION = /(?: (?:=|<>|<|>|<=|>=|AND|OR|IN) |^EXISTS | IS (?:NOT )?NULL$|^NOT )/;

const SWAPS: readonly (readonly [RegExp, string])[] = [
  [/ = ANY /g, " <> ALL "],
  [/ <> ALL /g, " = ANY "],
  [/ = (?!ANY )/g, " <> "],
  [/ > /g, " >= "],
  [/ > /g, " <= "],
  [/ < /g, " <= "],
  [/ >= /g, " > "],
  [/ <= /g, " < "],
  [/ AND /g, " OR "],
  [/ OR /g, " AND "],
  [/ IS NOT NULL/g, " IS NULL"],
  [/ IS NULL/g, " IS NOT NULL"],
  [/\bEXISTS /g, "NOT EXISTS "],
  [/ IN \(/g, " NOT IN ("],
];

/** The text with one thing broken, in every way that we know. */
export function breakOne(text: string): string[] {
  if (text === "true") return ["false"];
  const found = new Set<string>();
  const replace = (start: number, end: number, by: string): void => {
    found.add(text.slice(0, start) + by + text.slice(end));
  };
  for (const [start, end] of groupsOf(text)) {
    const outermost = flatten(text.slice(start + 1, end - 1));
    if (!CONDITION.test(outermost) || outermost.startsWith(" SELECT")) continue;
    replace(start, end, "(true)");
    replace(start, end, "(false)");
  }
  for (const [from, to] of SWAPS) {
    for (const { index, 0: word } of text.matchAll(from)) replace(index, index + word.length, to);
  }
  for (const { index, 0: list, 1: items = "" } of text.matchAll(/ARRAY\[([^\]]*)\]/g)) {
    const all = items.split(", ");
    for (const item of all.length > 1 ? all : []) {
      const rest = all.filter((other) => other !== item).join(", ");
      replace(index, index + list.length, `ARRAY[${rest}]`);
    }
  }
  for (const { index, 0: digits } of text.matchAll(/(?<= [-+] )\d+/g)) {
    for (const by of [-1, 1]) replace(index, index + digits.length, String(Number(digits) + by));
  }
  return [...found];
}

/** Where pairs of parentheses begin and end. */
function groupsOf(text: string): [number, number][] {
  const [open, groups]: [number[], [number, number][]] = [[], []];
  for (const [index, character] of [...text].entries()) {
    if (character === "(") open.push(index);
    const start = character === ")" ? open.pop() : undefined;
    if (start !== undefined) groups.push([start, index + 1]);
  }
  return groups;
}

/** What stands in no pair of parentheses. */
function flatten(text: string): string {
  let [before, after] = ["", text];
  while (before !== after) [before, after] = [after, after.replaceAll(/\([^()]*\)/g, "#")];
  return after;
}
