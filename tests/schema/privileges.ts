/**
 * Observes who may do what with every relation and function of ours, by trying it on rows of the
 * fixture, and compares it with what privileges.yaml expects. What should be allowed is not
 * decided here.
 */
import type { ClientBase } from "pg";
import { stringify } from "yaml";
import { SCHEMAS } from "../../src/commands/shared/schemaDump.ts";
import type { Actor, Scenario } from "../helpers/database.ts";
import type { Market, Story } from "../helpers/fixture.ts";
import { OWNERSHIP, type Ownership } from "./ownership.ts";

const VERBS = ["select", "insert", "update", "delete"] as const;
type Verb = (typeof VERBS)[number];

/** `yes`: it happened; `hidden`: it may be asked, but the row is not there for them; or refused. */
type Outcome = "yes" | "hidden" | "no";

/** Verbs that work, and in brackets those that find no row: "select (update)". */
type Rights = string;

/** What one kind of actor may do: row class, with or without a variant, to rights. */
type RightsByRow = Record<string, Rights>;

export interface RelationEntry {
  /** Roles, separated by commas, to the columns that they may write. */
  insert?: Record<string, string>;
  update?: Record<string, string>;
  anonymous?: RightsByRow;
  guest?: RightsByRow;
  host?: RightsByRow;
  operator?: RightsByRow;
  authenticator?: RightsByRow;
}

/** The matrix, observed or expected. `nobody` stands for no rights at all. */
export interface Matrix {
  readonly relations: Record<string, RelationEntry | "nobody">;
  /** Name to roles, separated by commas, or `nobody`. */
  readonly functions: Record<string, string>;
}

const KINDS = ["anonymous", "guest", "host", "operator", "authenticator"] as const;
type Kind = (typeof KINDS)[number];

/** The roles themselves, for what is granted rather than decided row by row. */
const ROLES: readonly (readonly [name: string, actor: Actor])[] = [
  ["visitor", { role: "visitor", userId: null }],
  ["operator", { role: "operator", userId: null }],
  ["authenticator", { role: "authenticator" }],
];

interface Person {
  readonly kind: Kind;
  readonly label: string;
  readonly actor: Actor;
  readonly id: string | null;
  readonly story: Story | null;
}

function people(market: Market): Person[] {
  const visitor = (kind: Kind, label: string, id: string | null, story: Story | null): Person => ({
    kind,
    label,
    actor: { role: "visitor", userId: id },
    id,
    story,
  });
  const { operator, a, b } = market;
  return [
    visitor("anonymous", "a visitor", null, null),
    visitor("guest", "guest A", a.guest, a),
    visitor("guest", "guest B", b.guest, b),
    visitor("host", "host A", a.host, a),
    visitor("host", "host B", b.host, b),
    {
      kind: "operator",
      label: "the operator",
      actor: { role: "operator", userId: operator },
      id: operator,
      story: null,
    },
    {
      kind: "authenticator",
      label: "the authenticator",
      actor: { role: "authenticator" },
      id: null,
      story: null,
    },
  ];
}

interface Row {
  readonly id: string;
  readonly owner: string | null;
  readonly variant: string | null;
  readonly json: Record<string, unknown>;
}

/** The observed matrix, and what about the fixture keeps it from being complete. */
export interface Observation {
  readonly matrix: Matrix;
  readonly problems: readonly string[];
}

/**
 * Tries everything, or only relations and functions of the names in `only`. The scenario's
 * transaction keeps nothing of it.
 */
export async function observe(
  scenario: Scenario,
  market: Market,
  only?: readonly string[],
): Promise<Observation> {
  const problems: string[] = [];
  const relations: Matrix["relations"] = {};
  const wanted = (name: string): boolean => only === undefined || only.includes(name);
  for (const relation of (await relationNames(scenario.client)).filter(wanted)) {
    const rows = await sampleRows(scenario.client, relation, problems);
    const entry = await observeRelation(scenario, market, relation, rows, problems);
    relations[relation] = Object.keys(entry).length === 0 ? "nobody" : entry;
  }
  return { matrix: { relations, functions: await observeFunctions(scenario, wanted) }, problems };
}

async function relationNames(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any ($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1`,
    [SCHEMAS],
  );
  return rows.map(({ name }) => name);
}

/** One row for each owner and variant; none where no client has any right on the relation. */
async function sampleRows(client: ClientBase, relation: string, problems: string[]) {
  const granted = await client.query(
    `select from pg_class c
     cross join lateral (
       select grantee from aclexplode(c.relacl)
       union all
       select x.grantee from pg_attribute a, aclexplode(a.attacl) x where a.attrelid = c.oid
     ) held
     where c.oid = $1::regclass and held.grantee <> c.relowner limit 1`,
    [relation],
  );
  if (granted.rowCount === 0) return [];
  const ownership = OWNERSHIP[relation];
  if (ownership === undefined) {
    problems.push(
      `Clients have rights on ${relation}, but nobody says whose its rows are. Add it to ` +
        "tests/schema/ownership.ts.",
    );
    return [];
  }
  const { owner, variant = "null" } = ownership;
  const { rows } = await client.query<Row>(
    `select distinct on (2, 3) t.ctid::text as id, (${owner})::text as owner,
       (${variant})::text as variant, to_jsonb(t) as json
     from ${relation} t order by 2, 3`,
  );
  if (rows.length === 0) {
    problems.push(
      `Clients have rights on ${relation}, but the fixture has no row of it. Add one to both ` +
        "stories in tests/helpers/fixture.ts.",
    );
  }
  return rows;
}

async function observeRelation(
  scenario: Scenario,
  market: Market,
  relation: string,
  rows: readonly Row[],
  problems: string[],
): Promise<RelationEntry> {
  const entry: RelationEntry = await observeColumns(scenario, relation);
  for (const person of people(market)) {
    const seen = await scenario.as(person.actor, (client) =>
      tryRelation(client, relation, rows, person),
    );
    if (Object.values(seen).every((rights) => rights === "")) continue;
    const known = entry[person.kind];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(seen)) {
      problems.push(
        `${person.label} has other rights on ${relation} than the ${person.kind} of the other ` +
          `story: ${JSON.stringify(seen)}, not ${JSON.stringify(known)}. The stories of the ` +
          "fixture must be alike, or a policy knows one of them by name.",
      );
    }
    entry[person.kind] = seen;
  }
  return entry;
}

/** The columns that each role may write; roles with the same ones share a line. */
async function observeColumns(scenario: Scenario, relation: string): Promise<RelationEntry> {
  const entry: RelationEntry = {};
  const byRole: [string, Columns][] = [];
  for (const [role, actor] of ROLES) {
    byRole.push([role, await scenario.as(actor, (client) => writableColumns(client, relation))]);
  }
  for (const verb of ["insert", "update"] as const) {
    const lists = byRole.map(([role, columns]) => [role, columns[verb].join(", ")] as const);
    const grouped = Map.groupBy(
      lists.filter(([, list]) => list !== ""),
      ([, list]) => list,
    );
    const lines = [...grouped].map(([list, same]) => [same.map(([role]) => role).join(", "), list]);
    if (lines.length > 0) entry[verb] = Object.fromEntries(lines);
  }
  return entry;
}

async function tryRelation(
  client: ClientBase,
  relation: string,
  rows: readonly Row[],
  person: Person,
): Promise<RightsByRow> {
  const columns = await writableColumns(client, relation);
  const ownership = OWNERSHIP[relation];
  const found: RightsByRow = {};
  // Without rows there is still the question whether the statement is allowed at all.
  for (const row of rows.length > 0 ? rows : [NO_ROW]) {
    const key = rowKey(row, person);
    const attempts = await tryRow(client, relation, row, key, columns, ownership);
    const rights = describeRights(attempts);
    found[key] = found[key] === undefined || found[key] === rights ? rights : "differs by row";
  }
  const none = !Object.keys(found).some((key) => key.startsWith("own"));
  const [any] = rows;
  if (none && any !== undefined && ownership?.column !== undefined) {
    const claimed = { ...any, json: { ...any.json, [ownership.column]: person.id } };
    const insert = await tryInsert(client, relation, claimed, "own", columns, ownership);
    const rights = describeRights({ select: "no", insert, update: "no", delete: "no" });
    if (rights !== "") found.own = rights;
  }
  return collapse(found);
}

const NO_ROW: Row = { id: "(0,0)", owner: null, variant: null, json: {} };

function rowKey(row: Row, person: Person): string {
  const { story, id } = person;
  let key = "stranger";
  if (row.owner === null) key = "common";
  else if (row.owner === id) key = "own";
  else if (row.owner === story?.host || row.owner === story?.guest) key = "counterpart";
  return row.variant === null ? key : `${key} ${row.variant}`;
}

/** Variants of a class with the same rights become one line: "stranger draft/paused". */
function collapse(rights: RightsByRow): RightsByRow {
  const collapsed: RightsByRow = {};
  for (const kind of ["own", "counterpart", "stranger", "common"]) {
    const rows = Object.entries(rights).filter(([key]) => key.split(" ")[0] === kind);
    const values = [...new Set(rows.map(([, value]) => value))];
    for (const value of values) {
      const alike = rows.filter(([, other]) => other === value).map(([key]) => key.split(" ")[1]);
      const key = values.length === 1 ? kind : `${kind} ${alike.sort().join("/")}`;
      collapsed[key] = value;
    }
  }
  return collapsed;
}

interface Columns {
  readonly insert: string[];
  readonly update: string[];
  readonly all: string[];
}

async function writableColumns(client: ClientBase, relation: string): Promise<Columns> {
  const { rows } = await client.query<{ name: string; insert: boolean; update: boolean }>(
    `select a.attname::text as name, has_column_privilege(a.attrelid, a.attnum, 'INSERT') as insert,
       has_column_privilege(a.attrelid, a.attnum, 'UPDATE') as update
     from pg_class c
     join pg_attribute a on a.attrelid = c.oid
     where format('%I.%I', c.relnamespace::regnamespace, c.relname) = $1
       and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by 1`,
    [relation],
  );
  return {
    insert: rows.filter((row) => row.insert).map((row) => row.name),
    update: rows.filter((row) => row.update).map((row) => row.name),
    all: rows.map((row) => row.name),
  };
}

async function tryRow(
  client: ClientBase,
  relation: string,
  row: Row,
  key: string,
  columns: Columns,
  ownership: Ownership | undefined,
): Promise<Record<Verb, Outcome>> {
  const where = "where t.ctid = $1::tid";
  const updated = columns.update.length > 0 ? columns.update : columns.all.slice(0, 1);
  const set = updated.map((name) => `"${name}" = t."${name}"`).join(", ");
  return {
    select: await attempt(client, `select from ${relation} t ${where}`, [row.id]),
    insert: await tryInsert(client, relation, row, key, columns, ownership),
    update: await attempt(client, `update ${relation} t set ${set} ${where}`, [row.id]),
    delete: await attempt(client, `delete from ${relation} t ${where}`, [row.id]),
  };
}

/** Inserts a copy of a row, naming its owner unless that is who asks anyway. */
async function tryInsert(
  client: ClientBase,
  relation: string,
  row: Row,
  key: string,
  columns: Columns,
  ownership: Ownership | undefined,
): Promise<Outcome> {
  const names = new Set(columns.insert.length > 0 ? columns.insert : columns.all);
  if (!key.startsWith("own") && ownership?.column !== undefined) names.add(ownership.column);
  const list = [...names].map((name) => `"${name}"`).join(", ");
  return attempt(
    client,
    `insert into ${relation} (${list})
     overriding system value
     select ${list} from jsonb_populate_record(null::${relation}, $1)`,
    [JSON.stringify(row.json)],
  );
}

/** Runs a statement and takes it back. */
async function attempt(client: ClientBase, text: string, values: unknown[]): Promise<Outcome> {
  await client.query("savepoint attempt");
  try {
    const { rowCount } = await client.query(text, values);
    return rowCount === 0 ? "hidden" : "yes";
  } catch (error) {
    return outcomeOf(error, text);
  } finally {
    await client.query("rollback to savepoint attempt");
  }
}

function outcomeOf(error: unknown, text: string): Outcome {
  const code = field(error, "code");
  if (code === "42501") return field(error, "routine") === "ExecWithCheckOptions" ? "hidden" : "no";
  // A constraint or a trigger stands behind the policies: whoever meets it has got past them.
  if (/^(23|SB)/.test(code)) return "yes";
  throw new Error(`The privileges matrix could not try: ${text}`, { cause: error });
}

function field(error: unknown, name: string): string {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === "string" ? value : "";
}

function describeRights(attempts: Record<Verb, Outcome>): Rights {
  return VERBS.filter((verb) => attempts[verb] !== "no")
    .map((verb) => (attempts[verb] === "yes" ? verb : `(${verb})`))
    .join(" ");
}

interface Callable {
  readonly name: string;
  /**
   * The statement that finds out. A strict function is not called at all when an argument is null,
   * so there the catalogue has to answer.
   */
  readonly call: string;
}

async function observeFunctions(
  scenario: Scenario,
  wanted: (name: string) => boolean,
): Promise<Record<string, string>> {
  const { rows } = await scenario.client.query<Callable>(
    `select format('%I.%I', n.nspname, p.proname) as name,
       case when p.proisstrict and p.pronargs > 0 then format(
         'select has_schema_privilege(%L, ''USAGE'')
            and has_function_privilege(%s, ''EXECUTE'') as may',
         n.nspname, p.oid)
       else format('select %I.%I(%s)', n.nspname, p.proname, (
         select string_agg('null::' || format_type(x.type, null), ', ' order by x.place)
         from unnest(p.proargtypes) with ordinality x(type, place))) end as call
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = any ($1) and p.prokind in ('f', 'p') order by 1, 2`,
    [SCHEMAS],
  );
  const found: Record<string, string> = {};
  for (const callable of rows.filter(({ name }) => wanted(name))) {
    const callers: string[] = [];
    for (const [name, actor] of ROLES) {
      const may = await scenario.as(actor, (client) => mayCall(client, callable));
      if (may) callers.push(name);
    }
    const roles = callers.join(", ") || "nobody";
    const known = found[callable.name];
    found[callable.name] = known === undefined || known === roles ? roles : `${known}; ${roles}`;
  }
  return found;
}

/** Calls a function with nothing but nulls: what it says of them does not matter here. */
async function mayCall(client: ClientBase, { call, name }: Callable): Promise<boolean> {
  await client.query("savepoint attempt");
  try {
    const { rows } = await client.query<{ may?: unknown }>(call);
    return rows[0]?.may !== false;
  } catch (error) {
    const own = new RegExp(`for (schema|function) ("?${name.split(".").join('"?|"?')}"?)`);
    const refused = field(error, "code") === "42501" && field(error, "where") === "";
    return !(refused && own.test(error instanceof Error ? error.message : ""));
  } finally {
    await client.query("rollback to savepoint attempt");
  }
}

/** An entry as the file has it: one line for each kind of actor. */
export function formatEntry(name: string, entry: unknown): string {
  if (typeof entry !== "object" || entry === null) return `${name}: ${String(entry)}`;
  const lines = Object.entries(entry).map(([key, value]) => {
    const short = `${key}: ${flow(value)}`;
    const isLong = typeof value === "string" || short.length > 92;
    const text = isLong ? stringify({ [key]: value }, { lineWidth: 94 }).trimEnd() : short;
    return `  ${text.replaceAll("\n", "\n  ")}`;
  });
  return [`${name}:`, ...lines].join("\n");
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trimEnd();
}

const ADVICE = "tests/schema/privileges.yaml";

/** How the observed matrix differs from the expected one, and what to do about each difference. */
export function privilegeProblems(expected: Matrix, observed: Matrix): string[] {
  return [
    ...inventory("relation", expected.relations, observed.relations),
    ...inventory("function", expected.functions, observed.functions),
    ...Object.entries(observed.relations).flatMap(([name, entry]) => {
      const wanted = expected.relations[name];
      return wanted === undefined ? [] : relationProblems(name, wanted, entry);
    }),
    ...Object.entries(observed.functions).flatMap(([name, roles]) => {
      const wanted = expected.functions[name];
      if (wanted === undefined || wanted === roles) return [];
      return [`${name}() may be called by ${roles}; ${ADVICE} expects ${wanted}.`];
    }),
  ];
}

function inventory(
  what: string,
  expected: Record<string, unknown>,
  observed: Record<string, unknown>,
): string[] {
  const missing = Object.keys(observed).filter((name) => !(name in expected));
  const gone = Object.keys(expected).filter((name) => !(name in observed));
  return [
    ...missing.map(
      (name) =>
        `The ${what} ${name} has no entry in ${ADVICE}. This is what was observed; if it is ` +
        `what shall be, add it:\n${formatEntry(name, observed[name])}`,
    ),
    ...gone.map(
      (name) => `${ADVICE} has an entry for the ${what} ${name}, which is gone. Remove it.`,
    ),
  ];
}

const EMPTY: RelationEntry = {};

function isAlike(want: Record<string, string>, have: Record<string, string>): boolean {
  const keys = [...new Set([...Object.keys(want), ...Object.keys(have)])];
  return keys.every((key) => (want[key] ?? "") === (have[key] ?? ""));
}

function relationProblems(
  name: string,
  expected: RelationEntry | "nobody",
  observed: RelationEntry | "nobody",
): string[] {
  const wanted = expected === "nobody" ? EMPTY : expected;
  const found = observed === "nobody" ? EMPTY : observed;
  const problems: string[] = [];
  for (const verb of ["insert", "update"] as const) {
    const [want, have] = [wanted[verb] ?? {}, found[verb] ?? {}];
    if (isAlike(want, have)) continue;
    problems.push(
      `${name}: other columns may be written by ${verb} than ${ADVICE} expects.\n` +
        `  expected ${flow(want)}\n  observed ${flow(have)}`,
    );
  }
  for (const kind of KINDS) {
    const [want, have] = [wanted[kind] ?? {}, found[kind] ?? {}];
    if (isAlike(want, have)) continue;
    problems.push(
      `${name}: ${kind} has other rights than ${ADVICE} expects. Correct the policies or, if it ` +
        `shall be so, the entry.\n  expected ${flow(want)}\n  observed ${flow(have)}`,
    );
  }
  return problems;
}
