/** A person who knows a script's name knows where its program is: the path mirrors the name. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ROOT, readText, repositoryPaths } from "./repository.ts";

const { scripts } = JSON.parse(readText("package.json")) as { scripts: Record<string, string> };

/** `import:inside-airbnb` is src/commands/import/insideAirbnb.ts. */
function programOf(script: string): string {
  const path = script
    .replaceAll(":", "/")
    .replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase());
  return `src/commands/${path}.ts`;
}

/** What is wrong with the scripts that run a program of src/commands/, and with the programs. */
function problemsOf(all: Record<string, string>, groupFiles: readonly string[]): string[] {
  const programs = Object.entries(all).flatMap(([script, command]) => {
    const program = /^node\b.* (src\/commands\/\S+\.ts)$/.exec(command)?.[1];
    return program === undefined ? [] : [{ script, program }];
  });
  const wrong = programs.filter(({ script, program }) => program !== programOf(script));
  const run = new Set(programs.map(({ program }) => program));
  return [
    ...wrong.map(
      ({ script, program }) =>
        `npm run ${script} runs ${program}. Move the file to ${programOf(script)}.`,
    ),
    ...groupFiles
      .filter((path) => !run.has(path))
      .map((path) => `No script runs ${path}. Add one to package.json, or move it to shared/.`),
  ];
}

describe("src/commands/", () => {
  test("has each program where its script says, and no other beside them", () => {
    const groups = Object.keys(scripts).flatMap((script) => script.split(":").slice(0, -1));
    // import/ also holds the parts that all its commands are made of.
    const folders = groups.filter((group) => group !== "import").join("|");
    const programs = repositoryPaths().filter((path) =>
      new RegExp(`^src/commands/(?:(?:${folders})/)?[^/]+\\.ts$`).test(path),
    );
    expect(programs.length).toBeGreaterThan(10);
    expect(problemsOf(scripts, programs)).toEqual([]);
    const named = Object.values(scripts).flatMap((text) => text.match(/src\/\S+\.ts/g) ?? []);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test("would be found out when a path and a name differ, or nothing runs a file", () => {
    const bad = {
      "db:migrate": "node src/commands/database/migrate.ts",
      "import:a-city": "node --max-semi-space-size=4 src/commands/import/aCity.ts",
      start: "exec node src/main.ts",
    };
    expect(problemsOf(bad, ["src/commands/import/aCity.ts", "src/commands/db/stray.ts"])).toEqual([
      "npm run db:migrate runs src/commands/database/migrate.ts. Move the file to src/commands/db/migrate.ts.",
      "No script runs src/commands/db/stray.ts. Add one to package.json, or move it to shared/.",
    ]);
  });
});
