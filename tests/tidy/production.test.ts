/**
 * Production loads nothing of src/dev: a server and a worker with all addresses start without the
 * stand-ins and the libraries that only those need.
 */
import { expect, test } from "@jest/globals";
import { importsOf, type SourceFile, sourceFiles } from "./repository.ts";

const ENTRIES = ["src/server.ts", "src/worker.ts"];

/** The chain of imports by which an entry loads a file of dev/, for each such file. */
function waysToDev(files: readonly SourceFile[], entry: string): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const ways = new Map([[entry, entry]]);
  for (const [path, way] of ways) {
    const file = byPath.get(path);
    if (file === undefined || path.startsWith("src/dev/")) continue;
    for (const { target, isTypeOnly, isLazy } of importsOf(file)) {
      if (!isTypeOnly && !isLazy && !ways.has(target)) ways.set(target, `${way} -> ${target}`);
    }
  }
  return [...ways].flatMap(([path, way]) => (path.startsWith("src/dev/") ? [way] : []));
}

test.each(ENTRIES)("%s loads nothing of dev/: import it where a stand-in is wanted", (entry) => {
  expect(waysToDev(sourceFiles(), entry)).toEqual([]);
});

test("a way to dev/ is found, however long", () => {
  const file = (path: string, text: string): SourceFile => ({ path, text });
  const found = file("src/dev/standIns.ts", "");
  const entry = file("src/server.ts", 'import { run } from "./process.ts";');
  const ways = (text: string) =>
    waysToDev([entry, file("src/process.ts", text), found], entry.path);
  expect(ways('import { find } from "./dev/standIns.ts";')).toEqual([
    "src/server.ts -> src/process.ts -> src/dev/standIns.ts",
  ]);
  expect(ways('export * from "./dev/standIns.ts";')).toHaveLength(1);
  expect(ways('import type { StandIns } from "./dev/standIns.ts";')).toEqual([]);
  expect(ways('await import("./dev/standIns.ts");')).toEqual([]);
  // What npm start loads is not production.
  expect(waysToDev(sourceFiles(), "src/main.ts")).not.toEqual([]);
});
