/**
 * The proofs about `sql/` and `migrations/` that need no database: each takes what it judges and
 * returns its problems, every one with what to do about it. None reads a file, so that a test can
 * show each of them a bad example.
 */
import type { TextFile } from "../../src/commands/shared/files.ts";

export type { TextFile };

/** What was committed once stays as it is: `before` is what the base of this branch has. */
export function editedProblems(before: readonly TextFile[], now: readonly TextFile[]): string[] {
  const current = new Map(now.map(({ path, text }) => [path, text]));
  return before.flatMap(({ path, text }) => {
    if (current.get(path) === text) return [];
    const what = current.has(path) ? "differs from" : "is missing, but is in";
    return [
      `${path} ${what} the history of this branch. Databases have run it as it was: restore it ` +
        `(git checkout -- migrations/committed/${path}) and write another migration.`,
    ];
  });
}

/** Nothing pending: what is in `current/` and not a comment has yet to be committed. */
export function currentProblems(files: readonly TextFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const includes = /^--![ \t]*include\b/m.test(text);
    const statements = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/--.*$/gm, "");
    if (!includes && statements.trim() === "") return [];
    return [
      `migrations/current/${path} holds a migration that is not committed. Run ` +
        'npm run db:commit -- --message "what it does", and commit what it wrote.',
    ];
  });
}

const INCLUDE = /^--!include ([a-z0-9_]+(?:\/[a-z0-9_]+)*\.sql)$/;

/** graphile-migrate takes an include with a blank too many for a comment, silently. */
export function includeProblems({ path, text }: TextFile): string[] {
  return text.split("\n").flatMap((line, index) => {
    if (!/--\s*!?\s*include\b/i.test(line) || INCLUDE.test(line)) return [];
    return [
      `${path}:${index + 1} does not include anything: "${line}". Write exactly ` +
        "`--!include domain/kind/name.sql`, from the start of the line to its end.",
    ];
  });
}

/** The files that a text includes, in order. */
export function includesOf(text: string): string[] {
  return text.split("\n").flatMap((line) => INCLUDE.exec(line)?.[1] ?? []);
}

/**
 * Every file of `sql/` is in `all.sql` exactly once, and every line of it leads to a file. `paths`
 * are relative to `sql/` and without all.sql itself.
 */
export function inventoryProblems(allSql: string, paths: readonly string[]): string[] {
  const listed = includesOf(allSql);
  const known = new Set(paths);
  const missing = paths.filter((path) => !listed.includes(path));
  const unknown = listed.filter((path) => !known.has(path));
  const twice = listed.filter((path, index) => listed.indexOf(path) !== index);
  const statements = allSql
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/--.*$/gm, "")
    .trim();
  return [
    ...missing.map((path) => `sql/${path} is not in sql/all.sql. Add: --!include ${path}`),
    ...unknown.map((path) => `sql/all.sql includes ${path}, which is not there. Remove the line.`),
    ...twice.map((path) => `sql/all.sql includes ${path} twice. Remove one of the lines.`),
    ...(statements === ""
      ? []
      : ["sql/all.sql holds SQL of its own. It is the table of contents: move it into a file."]),
  ];
}

const TABLE =
  /\bcreate\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?([a-z_]+)\.([a-z0-9_]+)/g;
const VIEW = /\bcreate\s+(?:or\s+replace\s+)?(?:materialized\s+)?view\s+([a-z_]+)\.([a-z0-9_]+)/g;
const FUNCTION = /\bcreate\s+or\s+replace\s+(?:function|procedure)\s+([a-z_]+)\.([a-z0-9_]+)/g;
const POLICY = /\bcreate\s+policy\s+[a-z0-9_]+\s+on\s+([a-z_]+)\.([a-z0-9_]+)/g;
const DROPPED_POLICIES = /\bapp_hidden\.drop_policies\('([a-z_]+)\.([a-z0-9_]+)'\)/g;

const TYPE = /\bcreate\s+(?:type|domain)\s+([a-z_]+)\.([a-z0-9_]+)/g;
const TRIGGER =
  /\bcreate\s+or\s+replace\s+trigger\s+_\d+_([a-z0-9_]+)\s[^;]*?\bon\s+[a-z_]+\.([a-z0-9_]+)/g;

/** What a kind of folder holds: which statements make its objects, and in which schemas. */
interface Kind {
  readonly objects: readonly RegExp[];
  readonly schemas: readonly string[];
  /** Part of a message: "the <thing> <name>". */
  readonly thing: string;
  /** What must be made elsewhere. */
  readonly never: readonly (readonly [pattern: RegExp, where: string])[];
}

const ALL = ["app_public", "app_hidden", "app_private"];
const NO_POLICY = [/\bcreate\s+policy\b/, "policies/"] as const;
const NO_TABLE = [TABLE, "tables/"] as const;
const NO_FUNCTION = [FUNCTION, "queries/, mutations/, internal/ or triggers/"] as const;

const KINDS: Record<string, Kind> = {
  tables: {
    objects: [TABLE, VIEW],
    schemas: ALL,
    thing: "table",
    never: [NO_POLICY, NO_FUNCTION, [TYPE, "types/"]],
  },
  types: {
    objects: [TYPE],
    schemas: ALL,
    thing: "type",
    never: [NO_POLICY, NO_TABLE, NO_FUNCTION],
  },
  policies: {
    objects: [DROPPED_POLICIES, POLICY],
    schemas: ALL,
    thing: "policies of the table",
    never: [NO_TABLE, NO_FUNCTION],
  },
  queries: exposed("query"),
  computed: exposed("computed field"),
  mutations: exposed("mutation"),
  // What the server and the worker may call, apart from what only SQL calls.
  server: {
    objects: [FUNCTION],
    schemas: ["app_private"],
    thing: "function for the server",
    never: [NO_POLICY, NO_TABLE],
  },
  internal: {
    objects: [FUNCTION, VIEW],
    schemas: ["app_hidden"],
    thing: "internal function",
    never: [NO_POLICY, NO_TABLE],
  },
  triggers: {
    objects: [FUNCTION],
    schemas: ["app_hidden", "app_private"],
    thing: "trigger function",
    never: [NO_POLICY, NO_TABLE],
  },
  data: {
    objects: [/\binsert\s+into\s+([a-z_]+)\.([a-z0-9_]+)/g],
    schemas: ALL,
    thing: "rows of the table",
    never: [NO_POLICY, NO_TABLE, NO_FUNCTION],
  },
};

function exposed(thing: string): Kind {
  return {
    objects: [FUNCTION],
    schemas: ["app_public"],
    thing,
    never: [NO_POLICY, NO_TABLE],
  };
}

/**
 * One object a file, named like the file, of the kind that the folder says. `foundation/` is free:
 * it makes what all others stand on.
 */
export function namingProblems({ path, text }: TextFile): string[] {
  const [domain, folder, file, ...rest] = path.split("/");
  if (domain === "foundation" || path === "all.sql") return [];
  const kind = folder === undefined ? undefined : KINDS[folder];
  if (kind === undefined || file === undefined || rest.length > 0) {
    const folders = Object.keys(KINDS).join(", ");
    return [`sql/${path} is nowhere. Move it to sql/<domain>/<kind>/; kinds are ${folders}.`];
  }
  const name = file.replace(/\.sql$/, "");
  // A type is made inside a do block, so that making it again does nothing.
  const code = folder === "types" ? stripComments(text).toLowerCase() : withoutBodies(text);
  const made = kind.objects.flatMap((pattern) =>
    [...code.matchAll(pattern)].map(([, schema = "", object = ""]) => ({ schema, object })),
  );
  const problems: string[] = [];
  const names = [...made.map(({ object }) => object), ...lesserObjects(folder ?? "", text)];
  if (!names.includes(name)) {
    problems.push(
      `sql/${path} does not make the ${kind.thing} "${name}". Name the file after its object.`,
    );
  }
  for (const { schema, object } of made) {
    if (object !== name) {
      problems.push(
        `sql/${path} also makes "${object}". One object a file: move it to ${object}.sql.`,
      );
    } else if (!kind.schemas.includes(schema)) {
      problems.push(
        `sql/${path} is in ${schema}, but ${folder}/ is for ${kind.schemas.join(" and ")}. ` +
          "Move the file or the object.",
      );
    }
  }
  for (const [pattern, where] of kind.never) {
    if (new RegExp(pattern.source).test(code)) {
      problems.push(`sql/${path} makes something that belongs in ${where}. Move it there.`);
    }
  }
  return [...problems, ...folderRules(path, folder ?? "", name, text, code)];
}

/** Objects that may give a file its name, but may also stand beside the one that does. */
function lesserObjects(folder: string, text: string): string[] {
  const code = stripComments(text).toLowerCase();
  if (folder === "triggers") {
    return [...code.matchAll(TRIGGER)].map(([, task, table]) => `tg_${table}__${task}`);
  }
  return [];
}

function folderRules(path: string, folder: string, name: string, text: string, code: string) {
  const problems: string[] = [];
  if (folder === "triggers" && !name.startsWith("tg_")) {
    problems.push(`sql/${path}: a trigger function is called tg_<table>__<task>. Rename it.`);
  }
  if (
    folder === "policies" &&
    !/^\s*select app_hidden\.drop_policies\(/.test(stripComments(text))
  ) {
    problems.push(
      `sql/${path} does not begin with select app_hidden.drop_policies('...'). Without it, what ` +
        "the file no longer says would stay in force.",
    );
  }
  if (/\bcascade\b/.test(code.replace(/on (?:delete|update) cascade/g, ""))) {
    problems.push(`sql/${path} says cascade, which drops what nobody named. Name each object.`);
  }
  if (/\bdrop\s+table\b/.test(code)) {
    problems.push(`sql/${path} drops a table. sql/ says what is; drop it in migrations/current.`);
  }
  return problems;
}

function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/--.*$/gm, "");
}

/** The statements of a file without comments and without the bodies of functions. */
function withoutBodies(text: string): string {
  return stripComments(text)
    .replace(/\$([a-z_]*)\$[\s\S]*?\$\1\$/g, "$$$$")
    .replace(/\bbegin atomic\b[\s\S]*?\bend\b\s*;/g, "begin atomic end;")
    .toLowerCase();
}
