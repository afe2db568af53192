/** The environment has one reader, so that every variable is checked and documented in one place. */
import { expect, test } from "@jest/globals";
import { type SourceFile, sourceFiles, syntaxOf } from "./repository.ts";

const READER = "src/config/";

/** Where code reads the environment, however it gets at it. */
function environmentReaders(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    if (file.path.startsWith(READER) || !/\benv\b/.test(file.text)) return [];
    const { nodes, lineOf } = syntaxOf(file);
    return nodes
      .filter((node) => isProcessEnv(node) || isImportOfEnv(node))
      .map(
        (node) =>
          `${file.path}:${lineOf(node.span?.start ?? 0)} reads the environment: add the variable ` +
          `to the table in ${READER}variables.ts and take it from the Config.`,
      );
  });
}

/** `process.env`, `process["env"]`, `globalThis.process.env`. */
function isProcessEnv(node: object): boolean {
  if (!("type" in node) || node.type !== "MemberExpression") return false;
  const { object, property } = node as { object?: unknown; property?: unknown };
  const name = nameOf(property) ?? nameOf(expressionOf(property));
  const base = nameOf(object) ?? nameOf((object as { property?: unknown }).property);
  return name === "env" && base === "process";
}

/** `const { env } = process` and `import { env } from "node:process"`. */
function isImportOfEnv(node: object): boolean {
  if (!("type" in node)) return false;
  if (node.type === "ImportDeclaration") {
    const { source, specifiers } = node as { source?: unknown; specifiers?: unknown };
    const from = (source as { value?: unknown }).value;
    return (
      (from === "node:process" || from === "process") &&
      JSON.stringify(specifiers).includes('"env"')
    );
  }
  if (node.type !== "VariableDeclarator") return false;
  const { id, init } = node as { id?: unknown; init?: unknown };
  const isPattern = (id as { type?: unknown }).type === "ObjectPattern";
  return isPattern && nameOf(init) === "process" && JSON.stringify(id).includes('"env"');
}

function nameOf(node: unknown): string | undefined {
  if (typeof node !== "object" || node === null || !("value" in node)) return undefined;
  return typeof node.value === "string" ? node.value : undefined;
}

function expressionOf(node: unknown): unknown {
  return typeof node === "object" && node !== null ? Reflect.get(node, "expression") : undefined;
}

test("process.env is read in src/config alone", () => {
  expect(environmentReaders(sourceFiles())).toEqual([]);

  for (const text of [
    "const port = process.env.PORT;",
    'const port = process["env"].PORT;',
    "run(globalThis.process.env);",
    "const { env } = process;",
    'import { env } from "node:process";',
  ]) {
    expect(environmentReaders([{ path: "src/server.ts", text }])).toHaveLength(1);
  }
  const innocent =
    "// process.env is read elsewhere\nconst text = 'process.env'; run({ env: {} });";
  expect(environmentReaders([{ path: "src/server.ts", text: innocent }])).toEqual([]);
});
