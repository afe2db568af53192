/**
 * Reads the repository for the rules about it: which files it has, their text, what they import and
 * how their code is built. It judges nothing; the rules are in the tests beside it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "@swc/core";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A file by its path from the root, with `/` between folders. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What is never part of the repository, for where there is no git to say so. */
const OUTSIDE = new Set([".git", ".staybase", "coverage", "node_modules"]);

/**
 * The paths of all files that are, or would be, committed, in alphabetical order. In an unpacked
 * archive, which has no git, every file counts that `.gitignore` does not name.
 */
export function repositoryPaths(): string[] {
  const listed = git("ls-files", "--cached", "--others", "--exclude-standard");
  const paths = listed ?? walk("");
  return [...new Set(paths)].filter((path) => existsSync(join(ROOT, path))).sort();
}

/** The paths that git has in its index; `undefined` where there is no git. */
export function committedPaths(): string[] | undefined {
  return git("ls-files", "--cached");
}

function git(...args: string[]): string[] | undefined {
  try {
    const listed = execFileSync("git", [...args, "-z"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return listed.split("\0").filter((path) => path !== "");
  } catch {
    return undefined;
  }
}

function walk(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (OUTSIDE.has(entry.name) || entry.name === ".env") return [];
    return entry.isDirectory() ? walk(path) : [path];
  });
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The files under a folder whose name ends with `extension`, such as `.ts`. */
export function filesUnder(folder: string, extension: string): SourceFile[] {
  return repositoryPaths()
    .filter((path) => path.startsWith(`${folder}/`) && path.endsWith(extension))
    .map((path) => ({ path, text: readText(path) }));
}

/** The TypeScript of the product itself. */
export function sourceFiles(): SourceFile[] {
  return filesUnder("src", ".ts");
}

/** One import, also of types alone, also `export ... from` and `import(...)`. */
export interface Import {
  /** As it is written, or the path from the root where it is a file of ours. */
  readonly target: string;
  readonly isOurs: boolean;
  /** Nothing of it is there when the program runs. */
  readonly isTypeOnly: boolean;
  /** It is loaded when the code comes there, not with the file. */
  readonly isLazy: boolean;
}

const LAZY_IMPORT = /\bimport\s*()\(\s*["']([^"']+)["']/g;
const IMPORTS = [
  /^\s*(?:import|export)\s+(type\s+)?[^;'"]*?\s*from\s*["']([^"']+)["']/gm,
  /^\s*import\s+()["']([^"']+)["']/gm,
  LAZY_IMPORT,
];

/** What a file imports. */
export function importsOf({ path, text }: SourceFile): Import[] {
  return IMPORTS.flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap(([, type, specifier]) => {
      if (specifier === undefined) return [];
      const isOurs = specifier.startsWith(".");
      const target = isOurs ? posix.join(dirname(path), specifier) : specifier;
      const isLazy = pattern === LAZY_IMPORT;
      return [{ target, isOurs, isTypeOnly: (type ?? "") !== "", isLazy }];
    }),
  );
}

/** A node of the syntax tree; what else it has depends on its type. */
export interface SyntaxNode {
  readonly type: string;
  /** Offsets in bytes, from `firstByte` of the tree. */
  readonly span?: { readonly start: number; readonly end: number };
  readonly [field: string]: unknown;
}

/** The syntax of a file, and the line (from 1) on which a byte of it is. */
export interface Syntax {
  readonly nodes: readonly SyntaxNode[];
  lineOf(byte: number): number;
}

/** All nodes of a file's syntax tree, parents before children. */
export function syntaxOf({ text }: SourceFile): Syntax {
  // The parser counts bytes on from file to file, so an empty statement marks where this one begins.
  const marked = `;\n${text}`;
  const tree = parseSync(marked, { syntax: "typescript", target: "es2024" });
  const nodes: SyntaxNode[] = [];
  collect(tree, nodes);
  const first = nodes.find((node) => node.type === "EmptyStatement")?.span?.start ?? 0;
  const bytes = Buffer.from(marked);
  const lineOf = (byte: number): number => {
    const before = bytes.subarray(0, byte - first);
    return before.reduce((lines, value) => (value === 10 ? lines + 1 : lines), 0);
  };
  return { nodes: nodes.slice(1), lineOf };
}

function collect(value: unknown, nodes: SyntaxNode[]): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, nodes);
  } else if (typeof value === "object" && value !== null) {
    if ("type" in value && typeof value.type === "string") nodes.push(value as SyntaxNode);
    for (const child of Object.values(value)) collect(child, nodes);
  }
}
