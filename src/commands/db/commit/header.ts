/**
 * Says at the top of a migration what each included file changes: an include stands there with its
 * whole text, in which a reviewer would look for the new lines in vain. The text that an earlier
 * migration included is found in the committed files. Nothing is read or written here.
 */
import { diff } from "node:util";

const FIRST_LINE =
  "-- What each included file changes, against the last migration that included it:";
const LAST_LINE = "-- (npm run db:commit wrote these lines.)";
const INCLUDED = /^--! Included (\S+)\n([\s\S]*?)^--! EndIncluded \1$/gm;
const INCLUDE = /^--![ \t]*include[ \t]+(\S+\.sql)[ \t]*$/gm;

interface Inclusion {
  readonly path: string;
  readonly text: string;
}

/**
 * The header of a migration, empty where it includes nothing. `committed` are the texts of the
 * earlier migrations in their order, `sources` the files of `sql/` by their paths.
 */
export function changeHeader(
  current: string,
  committed: readonly string[],
  sources: ReadonlyMap<string, string>,
): string {
  const last = new Map<string, Inclusion>();
  for (const [, path = "", text = ""] of committed.flatMap((it) => [...it.matchAll(INCLUDED)])) {
    // Inserted anew, so that the order of the map is the order of the inclusions.
    last.delete(path);
    last.set(path, { path, text });
  }
  const lines = [...current.matchAll(INCLUDE)].map(([, path = ""]) => {
    const before = last.get(path) ?? movedFrom(path, [...last.values()], sources);
    const moved = before === undefined || before.path === path ? "" : ` (was ${before.path})`;
    return `--   ${countChanges(before?.text, sources.get(path) ?? "")} ${path}${moved}`;
  });
  return lines.length === 0 ? "" : [FIRST_LINE, ...lines, LAST_LINE, ""].join("\n");
}

/**
 * Where a file stood before it was moved: the last inclusion of that name whose path is gone. A
 * table and its policies have one name, functions move between the kinds.
 */
function movedFrom(
  path: string,
  inclusions: readonly Inclusion[],
  sources: ReadonlyMap<string, string>,
): Inclusion | undefined {
  return inclusions.findLast(
    (one) => objectOf(one.path) === objectOf(path) && !sources.has(one.path),
  );
}

function objectOf(path: string): string {
  const [kind = "", name = ""] = path.split("/").slice(-2);
  return `${["tables", "policies", "types", "data"].includes(kind) ? kind : "code"}/${name}`;
}

function countChanges(before: string | undefined, now: string): string {
  if (before === undefined) return "new    ";
  const entries = diff(before.trim().split("\n"), now.trim().split("\n"));
  const count = (what: number): number => entries.filter(([op]) => op === what).length;
  return `+${count(-1)} -${count(1)}`.padEnd(7);
}

/** The text with this header, and without the one that an earlier commit has put there. */
export function withHeader(text: string, header: string): string {
  const start = text.indexOf(FIRST_LINE);
  const end = text.indexOf(LAST_LINE, start);
  const bare =
    start < 0 || end < 0
      ? text
      : text.slice(0, start) + text.slice(end + LAST_LINE.length).replace(/^\n+/, "");
  if (header === "") return bare;
  // graphile-migrate wants its own lines (Message, no-transaction) to be the first.
  const own = /^(?:--! (?:[A-Z].*|no-transaction.*)\n|\n)*/.exec(bare)?.[0] ?? "";
  return `${own}${header}\n${bare.slice(own.length)}`;
}
