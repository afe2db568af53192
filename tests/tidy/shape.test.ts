/** The shape of a module: a header that says what it is for, short functions, short lines. */
import { expect, test } from "@jest/globals";
import { type SourceFile, sourceFiles, syntaxOf } from "./repository.ts";

const MOST_LINES = 70;
const MOST_COLUMNS = 100;

const FUNCTIONS = new Set([
  "ArrowFunctionExpression",
  "ClassMethod",
  "Constructor",
  "FunctionDeclaration",
  "FunctionExpression",
  "MethodProperty",
  "PrivateMethod",
]);

function longFunctions(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const { nodes, lineOf } = syntaxOf(file);
    return nodes.flatMap(({ type, span }) => {
      if (!FUNCTIONS.has(type) || span === undefined) return [];
      const line = lineOf(span.start);
      const lines = lineOf(span.end) - line + 1;
      if (lines <= MOST_LINES) return [];
      return [
        `${file.path}:${line} is a function of ${lines} lines: keep the control flow and move its ` +
          `steps into functions of their own, to stay within ${MOST_LINES}.`,
      ];
    });
  });
}

function longLines(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => {
      const columns = [...line].length;
      if (columns <= MOST_COLUMNS) return [];
      const where = `${path}:${index + 1}`;
      return [`${where} has ${columns} columns: break it, to stay within ${MOST_COLUMNS}.`];
    }),
  );
}

/** Every module begins with a comment of at least a few words. */
function missingHeaders(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const header = /^(?:#!.*\n)?\s*\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? "";
    if (header.split(/[\s*]+/).filter((word) => word !== "").length >= 5) return [];
    return [
      `${path} has no header: begin it with /** two or three sentences: what it is in charge of, ` +
        "and what it is not. */",
    ];
  });
}

test(`functions have at most ${MOST_LINES} lines`, () => {
  expect(longFunctions(sourceFiles())).toEqual([]);

  const body = (lines: number): string => "  run();\n".repeat(lines - 2);
  const shapes: readonly ((lines: number) => string)[] = [
    (lines) => `export function a() {\n${body(lines)}}`,
    (lines) => `// Überschrift\nconst a = async () => {\n${body(lines)}};`,
    (lines) => `class A {\n  #run() {\n${body(lines)}}\n}`,
    (lines) => `const a = {\n  run() {\n${body(lines)}}\n}`,
  ];
  for (const shape of shapes) {
    const of = (lines: number): string[] =>
      longFunctions([{ path: "src/a.ts", text: shape(lines) }]);
    expect(of(MOST_LINES)).toEqual([]);
    expect(of(MOST_LINES + 1)).toHaveLength(1);
  }
  expect(longFunctions([{ path: "src/a.ts", text: `\n\nf(() => {\n${body(99)}});` }])[0]).toContain(
    "src/a.ts:3 ",
  );
});

test(`lines have at most ${MOST_COLUMNS} columns`, () => {
  expect(longLines(sourceFiles())).toEqual([]);

  const text = `${"x".repeat(MOST_COLUMNS)}\n${"ä".repeat(MOST_COLUMNS + 1)}\n`;
  expect(longLines([{ path: "src/a.ts", text }])).toEqual([expect.stringContaining("src/a.ts:2")]);
});

test("each module begins with what it is in charge of", () => {
  expect(missingHeaders(sourceFiles())).toEqual([]);

  for (const text of [
    "",
    'import "pg";\n/** It runs late and says so. */',
    "/** Runs. */\nrun();",
  ]) {
    expect(missingHeaders([{ path: "src/a.ts", text }])).toHaveLength(1);
  }
  const good = "/** Runs the jobs of the queue. */\nrun();";
  expect(missingHeaders([{ path: "src/a.ts", text: good }])).toEqual([]);
});
