/**
 * Where things are: what may lie at the top, what is never committed, and which folders explain
 * themselves.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import { committedPaths, ROOT, readText, repositoryPaths } from "./repository.ts";

/** The top level of the repository: the folders and files that the project is made of. */
const TOP = new Set([
  ".ci",
  ".dockerignore",
  ".editorconfig",
  ".env.example",
  ".gitattributes",
  ".github",
  ".gitignore",
  ".ignore",
  ".nvmrc",
  "biome.json",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "docker-compose.yml",
  "Dockerfile",
  "jest.config.ts",
  "LICENSE",
  "clients",
  "docs",
  "migrations",
  "openapi",
  "package-lock.json",
  "package.json",
  "postgres-language-server.jsonc",
  "README.md",
  "redocly.yaml",
  "sql",
  "src",
  "tests",
  "tsconfig.json",
]);

/** What a machine makes or keeps for itself. */
const PRIVATE = /(^|\/)(node_modules|\.staybase|coverage)\/|(^|\/)\.env$|\.log$/;

/** Folders in which a stranger needs a page before anything else. */
const EXPLAINED = [
  "",
  "migrations",
  "openapi",
  "sql",
  "src",
  "src/commands",
  "src/dev",
  "src/graphql",
  "src/http",
  "src/jobs",
  "src/resources",
  "src/rest",
  "tests",
].map((folder) => (folder === "" ? "README.md" : `${folder}/README.md`));

function strangersAtTheTop(paths: readonly string[]): string[] {
  const names = new Set(paths.map((path) => path.split("/")[0] ?? ""));
  return [...names].flatMap((name) =>
    TOP.has(name)
      ? []
      : [`${name} does not belong at the top: move it into a folder, or ignore it in .gitignore.`],
  );
}

function privateFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) =>
    PRIVATE.test(path) ? [`${path} is committed: git rm --cached it and ignore it.`] : [],
  );
}

function missingReadmes(paths: readonly string[]): string[] {
  return EXPLAINED.flatMap((path) =>
    paths.includes(path)
      ? []
      : [`${path} is missing: write what lives there, what does not, and how to change it.`],
  );
}

/** A README of a line explains nothing. */
function shapelessReadmes(readmes: readonly (readonly [path: string, text: string])[]): string[] {
  return readmes.flatMap(([path, text]) => {
    const lines = text.trimEnd().split("\n").length;
    if (/^# /.test(text) && lines >= 8) return [];
    return [`${path} has ${lines} lines: begin it with a title, and say what is worth knowing.`];
  });
}

/** Links between the documents; those to the outside are not followed. */
function deadLinks(documents: readonly (readonly [path: string, text: string])[]): string[] {
  return documents.flatMap(([path, text]) =>
    [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].flatMap(([, target = ""]) => {
      if (/^[a-z]+:/.test(target) || existsSync(join(ROOT, dirname(path), target))) return [];
      return [`${path} links to ${target}, which is not there: correct the link.`];
    }),
  );
}

test("the top level holds what the project is made of, and nothing else", () => {
  expect(strangersAtTheTop(repositoryPaths())).toEqual([]);

  expect(strangersAtTheTop(["src/app.ts", "notes.txt", "lib/a.ts"])).toHaveLength(2);
});

test("nothing is committed that belongs to one machine", () => {
  expect(privateFiles(committedPaths() ?? [])).toEqual([]);

  const wrong = [
    ".env",
    ".staybase/run.json",
    "node_modules/pg/index.js",
    "coverage/index.html",
    "npm-debug.log",
  ];
  expect(privateFiles([...wrong, ".env.example", "src/resources/logger.ts"])).toHaveLength(5);
});

test("each folder with a name of its own has a README", () => {
  expect(missingReadmes(repositoryPaths())).toEqual([]);

  expect(missingReadmes(EXPLAINED.slice(1))).toEqual([expect.stringContaining("README.md")]);
});

test("each README says something", () => {
  const readmes = repositoryPaths().filter((path) => path.endsWith("README.md"));
  expect(shapelessReadmes(readmes.map((path) => [path, readText(path)]))).toEqual([]);

  expect(shapelessReadmes([["README.md", "# Staybase\n"]])).toHaveLength(1);
});

test("links between the documents lead somewhere", () => {
  const paths = repositoryPaths().filter((path) => path.endsWith(".md"));
  expect(deadLinks(paths.map((path) => [path, readText(path)]))).toEqual([]);

  const text = "[a](../README.md#start) [b](https://example.com/x) [c](nowhere.md) [d](#here)";
  expect(deadLinks([["src/README.md", text]])).toHaveLength(1);
});
