/**
 * Mutants of who may do what: every policy, and every function that policies ask, with one condition
 * broken at a time; every table without its row-level security; and every right that visitors do
 * not have, given to them. They are made from the catalogue, so that what is new is among them;
 * PostgreSQL puts each condition there into parentheses of its own. What a mutant must not survive
 * is in visibility.ts, privileges.ts and lints/.
 */
import type { ClientBase } from "pg";
import { SCHEMAS } from "../../src/commands/shared/schemaDump.ts";

export interface Mutant {
  /** What was broken, for the person who looks for the missing probe. */
  readonly name: string;
  /** The relation or function it is about, as privileges.yaml names it. */
  readonly object: string;
  /** Whether a row's rule was broken, or a right given to everybody. */
  readonly kind: "rule" | "right";
  readonly statement: string;
}

interface Policy {
  readonly name: string;
  readonly relation: string;
  readonly command: string;
  readonly permissive: boolean;
  readonly role: string;
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
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
         when 'd' then 'delete' else 'all' end as command,
       p.polpermissive as permissive,
       (select string_agg(role::regrole::text, ', ') from unnest(p.polroles) role) as role,
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
  const given = await openings(client, roles.visitor);
  return [...mutants, ...given];
}

function ofPolicy(policy: Policy): Mutant[] {
  const { name, relation, other, using, check } = policy;
  const label = `${relation} ${name}`;
  const alter = `alter policy ${name} on ${relation}`;
  const drop = `drop policy ${name} on ${relation}`;
  const mutant = (what: string, statement: string): Mutant => ({
    name: `${label}: ${what}`,
    object: relation,
    kind: "rule",
    statement,
  });
  const broken = (part: string, text: string | null): Mutant[] =>
    (text === null ? [] : breakOne(text)).map((changed) =>
      mutant(`${part} ${changed}`, `${alter} ${part} (${changed})`),
    );
  // Without it PostgreSQL asks the other condition of new rows, too: where both are the same,
  // nothing would be broken.
  const isChecked = check !== null && check !== using;
  return [
    mutant("dropped", drop),
    mutant(`to ${other}`, `${alter} to ${other}`),
    ...(isChecked ? [mutant("without its check", `${drop}; ${unchecked(policy)}`)] : []),
    ...broken("using", using),
    ...broken("with check", check),
  ];
}

function unchecked({ name, relation, command, permissive, role, using }: Policy): string {
  const kind = permissive ? "permissive" : "restrictive";
  const condition = using === null ? "" : ` using (${using})`;
  return `create policy ${name} on ${relation} as ${kind} for ${command} to ${role}${condition}`;
}

/** Tables without row-level security, and rights that visitors do not have. */
async function openings(client: ClientBase, visitor: string): Promise<Mutant[]> {
  const { rows } = await client.query<Omit<Mutant, "name"> & { readonly what: string }>(
    `with relations as (
       select c.oid, c.relkind, c.relrowsecurity, format('%I.%I', n.nspname, c.relname) as object,
         format('grant usage on schema %I to %I; ', n.nspname, $1::text) as enter
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = any ($2) and c.relkind in ('r', 'p', 'v', 'm', 'f')
     )
     select object, 'rule' as kind, 'without row-level security' as what,
       format('alter table %s disable row level security', object) as statement
     from relations where relrowsecurity
     union all
     select object, 'right', format('%s for visitors', lower(privilege)),
       format('%sgrant %s on %s to %I', enter, privilege, object, $1)
     from relations
     cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) privilege
     where not has_table_privilege($1, oid, privilege)
     union all
     select format('%I.%I', n.nspname, p.proname), 'right', 'execute for visitors',
       format('grant usage on schema %I to %I; grant execute on routine %s to %2$I',
         n.nspname, $1, p.oid::regprocedure)
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = any ($2) and p.prokind in ('f', 'p')
       and not has_function_privilege($1, p.oid, 'EXECUTE')
     order by 1, 3`,
    [visitor, SCHEMAS],
  );
  return rows.map(({ what, ...rest }) => ({ ...rest, name: `${rest.object}: ${what}` }));
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
    object: name,
    kind: "rule",
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
