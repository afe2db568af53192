/**
 * Draws the tables that clients see, and the life of a booking, out of the catalogue of a live
 * database. Which domain a table belongs to is the folder of `sql/` in which it stands; the
 * drawings have no columns but those that link a table or say its state.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ClientBase } from "pg";
import { readTransitions, type Transitions, waysBetween } from "./bookingsPage.ts";

const SQL_FOLDER = fileURLToPath(new URL("../../../sql", import.meta.url));

/** What is drawn together: the domains of each drawing. */
const AREAS: Readonly<Record<string, readonly string[]>> = {
  listings: ["foundation", "identity", "listings", "calendar", "pricing"],
  bookings: ["quotes", "bookings", "reviews"],
  money: ["payments", "ledger"],
};

interface Column {
  readonly table: string;
  readonly name: string;
  readonly isPrimary: boolean;
}

interface Link {
  readonly from: string;
  readonly column: string;
  readonly to: string;
  /** Whether a row may be linked to nothing. */
  readonly isOptional: boolean;
  /** Whether at most one row is linked to the other. */
  readonly isSingle: boolean;
}

export interface Entities {
  /** Tables by area. */
  readonly areas: ReadonlyMap<string, readonly string[]>;
  readonly columns: readonly Column[];
  readonly links: readonly Link[];
}

type Draw = (client: ClientBase) => Promise<string>;

/** The drawings: their names, and what writes each as SVG. */
export const DIAGRAMS: readonly { readonly name: string; readonly write: Draw }[] = [
  { name: "tables", write: async (client) => svg(overviewDot(await readEntities(client))) },
  ...Object.keys(AREAS).map((area) => ({
    name: area,
    write: async (client: ClientBase) => svg(areaDot(await readEntities(client), area)),
  })),
  { name: "booking", write: async (client) => svg(bookingDot(await readTransitions(client))) },
];

async function svg(dot: string): Promise<string> {
  // Loaded only to draw: no server has it.
  const { instance } = await import("@viz-js/viz");
  const drawn = (await instance()).renderString(dot, { format: "svg" });
  // Without the prologue and the comments, which name the version of the library.
  return drawn
    .replace(/^[\s\S]*?(?=<svg)/, "")
    .replaceAll(/<!--[\s\S]*?-->\n?/g, "")
    .replaceAll(/(?<= font-family=")[^"]*/g, FONTS);
}

async function readEntities(client: ClientBase): Promise<Entities> {
  const [columns, links] = [
    (await client.query<Column>(COLUMNS)).rows,
    (await client.query<Link>(LINKS)).rows,
  ];
  return { areas: areasOf(new Set(columns.map(({ table }) => table))), columns, links };
}

function areasOf(tables: ReadonlySet<string>): Map<string, string[]> {
  const areas = new Map<string, string[]>(Object.keys(AREAS).map((area) => [area, []]));
  const left = new Set(tables);
  for (const path of readdirSync(SQL_FOLDER, { recursive: true, encoding: "utf8" }).sort()) {
    const [, domain = "", table = ""] =
      /^(\w+)\/(?:tables\/)?(\w+)\.sql$/.exec(path.replaceAll("\\", "/")) ?? [];
    const area = Object.keys(AREAS).find((name) => AREAS[name]?.includes(domain));
    if (area !== undefined && left.delete(table)) areas.get(area)?.push(table);
  }
  if (left.size > 0) {
    throw new Error(`Say in diagrams.ts with what these are drawn: ${[...left].join(", ")}.`);
  }
  return areas;
}

/** As wide on every machine: what Graphviz measures is what a browser shows. */
const FONT = "Courier";
const FONTS = "ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace";

const HEAD = [
  'graph [bgcolor="white" pad=0.3 nodesep=0.35 ranksep=0.8 labeljust=l]',
  `graph [fontname=${FONT} fontcolor="#555555"]`,
  `node [fontname=${FONT} fontsize=11 shape=box style="filled,rounded"]`,
  'node [fillcolor="#eef5f1" color="#557766"]',
  `edge [fontname=${FONT} fontsize=9 color="#777777" arrowsize=0.8]`,
];

/** Everything has a currency and hardly anybody asks which table lists them. */
const UNDRAWN = "currencies";

/** All tables, grouped, with one line for all links between two. */
export function overviewDot({ areas, links }: Entities): string {
  const groups = [...areas].map(([area, tables]) => {
    const names = tables.filter((table) => table !== UNDRAWN).map(quoted);
    const look = 'style="rounded" color="#cccccc" fontsize=14';
    return `subgraph cluster_${area} { label=${quoted(area)} ${look} ${names.join("; ")} }`;
  });
  const pairs = new Set(
    links
      .filter(({ from, to }) => from !== to && to !== UNDRAWN)
      .map(({ from, to }) => `${quoted(from)} -> ${quoted(to)}`),
  );
  return graph([...groups, ...[...pairs].sort()], "LR");
}

/** The tables of an area with their keys, and the names of those that they lead to. */
export function areaDot({ areas, columns, links }: Entities, area: string): string {
  const tables = areas.get(area) ?? [];
  const isHere = (table: string): boolean => tables.includes(table);
  const drawn = links.filter(({ from, to }) => isHere(from) && (isHere(to) || to !== UNDRAWN));
  const others = new Set(drawn.map(({ to }) => to).filter((to) => !isHere(to)));
  const nodes = tables.map((table) => {
    const own = columns.filter((column) => column.table === table);
    return `${quoted(table)} [shape=plain style="" label=<${tableLabel(table, own)}>]`;
  });
  const look = 'style="dashed,rounded" fontcolor="#555555"';
  return graph(
    [
      ...nodes,
      ...[...others].sort().map((table) => `${quoted(table)} [${look}]`),
      ...drawn.map(linkDot),
    ],
    "LR",
  );
}

function tableLabel(table: string, columns: readonly Column[]): string {
  const rows = columns.map(({ name, isPrimary }) => {
    const text = isPrimary ? `<u>${name}</u>` : name;
    return `<tr><td port="${name}" align="left" bgcolor="white">${text}</td></tr>`;
  });
  const head = `<tr><td bgcolor="#d9ebe1"><b>${table}</b></td></tr>`;
  const frame = 'border="0" cellborder="1" cellspacing="0" cellpadding="4" color="#557766"';
  return `<table ${frame}>${head}${rows.join("")}</table>`;
}

/** Crow's feet: many at the fork, none or one at the ring, exactly one at the bar. */
function linkDot({ from, column, to, isOptional, isSingle }: Link): string {
  const [tail, head] = [isSingle ? "teeodot" : "crowodot", isOptional ? "teeodot" : "teetee"];
  const ends = `dir=both arrowtail=${tail} arrowhead=${head}`;
  return `${quoted(from)}:${quoted(column)} -> ${quoted(to)} [${ends}]`;
}

/** One arrow for each pair of statuses, with all who may go that way. */
export function bookingDot({ transitions, beginnings }: Transitions): string {
  const { arrows, ends } = waysBetween(transitions);
  const dot = 'label="" shape=circle width=0.2 fixedsize=true fillcolor="#557766"';
  return graph(
    [
      `begin [${dot}]`,
      ...ends.map((status) => `${quoted(status)} [peripheries=2]`),
      ...beginnings.map((status) => `begin -> ${quoted(status)}`),
      ...arrows.map(({ from, to, labels }) => {
        const text = labels.map((label) => ` ${label} `).join("\\n");
        return `${quoted(from)} -> ${quoted(to)} [label=${quoted(text)}]`;
      }),
    ],
    "TB",
  );
}

const graph = (lines: readonly string[], direction: "LR" | "TB"): string =>
  ["digraph {", `rankdir=${direction}`, ...HEAD, ...lines, "}", ""].join("\n");

const quoted = (text: string): string => `"${text.replaceAll('"', '\\"')}"`;

// Keys, and what has a list of words, such as a status.
const COLUMNS = `
  select c.relname as table, a.attname as name,
    exists (
      select from pg_catalog.pg_constraint k
      where k.conrelid = c.oid and k.contype = 'p' and a.attnum = any (k.conkey)
    ) as "isPrimary"
  from pg_catalog.pg_class c
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'app_public' and c.relkind in ('r', 'p') and (
    t.typtype = 'e' or exists (
      select from pg_catalog.pg_constraint k
      where k.conrelid = c.oid and k.contype in ('p', 'f') and a.attnum = any (k.conkey)
    )
  )
  order by c.relname, a.attnum`;

// A link to what only functions see is one to what that is about.
const LINKS = `
  select c.relname as from, a.attname as column, coalesce(public.relname, other.relname) as to,
    not a.attnotnull as "isOptional",
    exists (
      select from pg_catalog.pg_index i
      where i.indrelid = c.oid and i.indisunique and i.indpred is null
        and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
    ) as "isSingle"
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_class c on c.oid = k.conrelid
  join pg_catalog.pg_class other on other.oid = k.confrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
  left join pg_catalog.pg_constraint behind on behind.conrelid = other.oid
    and behind.contype = 'f' and behind.conkey = k.confkey[1:1]
    and other.relnamespace <> c.relnamespace
  left join pg_catalog.pg_class public on public.oid = behind.confrelid
  where k.contype = 'f' and n.nspname = 'app_public'
    and c.relnamespace = coalesce(public.relnamespace, other.relnamespace)
  order by c.relname, a.attnum, other.relname, k.conname`;
